package node

import (
	"encoding/json"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

func TestConfigFilesStayInTheStateFolder(t *testing.T) {
	files, err := renderConfig("/state")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		for _, foreign := range []string{"/var/lib", `"/etc/cni`, "/opt/cni", "<no value>"} {
			if strings.Contains(string(content), foreign) {
				t.Errorf("%s mentions %s:\n%s", name, foreign, content)
			}
		}
	}
}

func TestConfigFilesParse(t *testing.T) {
	files, err := renderConfig("/state")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"kubelet.yaml", "proxy.yaml"} {
		var parsed map[string]any
		if err := yaml.UnmarshalStrict(files[name], &parsed); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if parsed["kind"] == nil {
			t.Errorf("%s has no kind", name)
		}
	}
	if !json.Valid(files["cni/10-pods.conflist"]) {
		t.Errorf("not JSON: %s", files["cni/10-pods.conflist"])
	}
}
