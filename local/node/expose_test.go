package node

import "testing"

func serviceAt(ip string, ports ...int) service {
	one := service{}
	one.Metadata.Namespace, one.Metadata.Name, one.Spec.ClusterIP = "shop", "gateway", ip
	for _, port := range ports {
		one.Spec.Ports = append(one.Spec.Ports, struct{ Port int }{port})
	}
	return one
}

func TestALabelledServiceGoesBeforeTheDefault(t *testing.T) {
	ref := serviceRef{"shop", "gateway", 3000}
	fallback := serviceAt("10.96.0.8", 3000)
	for name, one := range map[string]struct {
		labelled []service
		fallback *service
		want     string
	}{
		"default":                     {nil, &fallback, "10.96.0.8:3000"},
		"labelled":                    {[]service{serviceAt("10.96.0.9", 80)}, &fallback, "10.96.0.9:80"},
		"labelled, several ports":     {[]service{serviceAt("10.96.0.9", 80, 3000)}, nil, "10.96.0.9:3000"},
		"none":                        {nil, nil, ""},
		"headless has no one address": {[]service{serviceAt("None", 3000)}, nil, ""},
	} {
		address, err := ref.target(one.labelled, one.fallback)
		if address != one.want || (err == nil) != (one.want != "") {
			t.Errorf("%s: %q, %v", name, address, err)
		}
	}
}

func TestAServiceIsNamedByNamespaceNameAndPort(t *testing.T) {
	if ref, err := parseServiceRef("shop/gateway:3000"); err != nil || ref != (serviceRef{"shop", "gateway", 3000}) {
		t.Errorf("%v, %v", ref, err)
	}
	for _, wrong := range []string{"", "gateway:3000", "shop/gateway", "shop/gateway:http", "/gateway:3000", "shop/gateway:70000"} {
		if _, err := parseServiceRef(wrong); err == nil {
			t.Errorf("%q was taken", wrong)
		}
	}
}
