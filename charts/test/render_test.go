package test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// manifests are the folders that install by kustomize what the charts install by Helm, in the order of their use.
var manifests = []string{root + "/crds", root + "/manifests/shop", root + "/manifests/install"}

// byKustomize is everything in those folders.
func byKustomize(t *testing.T) objects {
	t.Helper()
	all := objects{}
	for _, folder := range manifests {
		for key, one := range kustomized(t, folder) {
			all[key] = one
		}
	}
	return all
}

func TestTheChartsInstallWhatTheManifestsInstall(t *testing.T) {
	charts := rendered(t, operatorChart, image)
	for key, one := range rendered(t, crdsChart) {
		charts[key] = one
	}
	for key, expected := range byKustomize(t) {
		switch expected["kind"] {
		case "Namespace":
			// Helm removes what it has made, and with a namespace everything in it.
			if _, there := charts[key]; there {
				t.Errorf("the charts make the namespace %s, and would delete it", key)
			}
			continue
		case "CustomResourceDefinition":
			annotations := map[string]any{"helm.sh/resource-policy": "keep"}
			expected["metadata"].(map[string]any)["annotations"] = annotations
		}
		found := charts.get(t, key)
		if expected, found := text(t, expected.withoutLabels()), text(t, found.withoutLabels()); expected != found {
			t.Errorf("%s differs; by kustomize:\n%s\nby Helm:\n%s", key, expected, found)
		}
		delete(charts, key)
	}
	for key := range charts {
		t.Errorf("only the charts install %s", key)
	}
}

func TestAnotherNamespaceGetsThePermissionsThatTheOperatorPrints(t *testing.T) {
	const namespaces = `--set-json=namespaces=[{"name":"shop","platforms":["shop"]},{"name":"market","platforms":["store"]}]`
	charts := rendered(t, operatorChart, image, namespaces)
	content, err := os.ReadFile(root + "/manifests/another-namespace/role.yaml")
	if err != nil {
		t.Fatal(err)
	}
	printed := parse(t, string(content))
	if len(printed) != 2 {
		t.Fatalf("the operator prints a Role and a RoleBinding, not %d objects", len(printed))
	}
	for key, expected := range printed {
		found := charts.get(t, key).withoutLabels()
		if expected, found := text(t, expected), text(t, found); expected != found {
			t.Errorf("%s differs; the operator prints:\n%s\nthe chart renders:\n%s", key, expected, found)
		}
	}
	deployment := charts.get(t, "Deployment shopflow-system/shopflow-operator")
	watched := deployment.at("spec", "template", "spec", "containers", 0, "env", 0, "value")
	if watched != "shop,market" {
		t.Errorf("the operator looks after %v", watched)
	}
}

// secretRules are the names of Secrets in a Role, by what may be done with them.
func secretRules(role object) map[string][]string {
	found := map[string][]string{}
	for i := range role["rules"].([]any) {
		if resource := role.at("rules", i, "resources", 0); resource != "secrets" {
			continue
		}
		verbs := strings.Trim(fmt.Sprint(role.at("rules", i, "verbs")), "[]")
		names, _ := role.at("rules", i, "resourceNames").([]any)
		for _, name := range names {
			found[verbs] = append(found[verbs], name.(string))
		}
		if len(names) == 0 {
			found[verbs] = append(found[verbs], "every Secret")
		}
	}
	return found
}

func TestPermissionsNameEverySecretOfEveryPlatformAndNoOther(t *testing.T) {
	const namespaces = `--set-json=namespaces=[{"name":"shop","platforms":["shop","next"],"secrets":["mail","database"]}]`
	role := rendered(t, operatorChart, image, namespaces).get(t, "Role shop/shopflow-operator")
	rules := secretRules(role)
	if names := rules["get"]; !slices.Equal(names, []string{"mail", "database"}) {
		t.Errorf("only read: %v", names)
	}
	changed := rules["get create patch"]
	for _, name := range []string{"shop-signing-keys", "shop-order-database", "next-signing-keys", "next-order-database"} {
		if !slices.Contains(changed, name) {
			t.Errorf("%s cannot be changed: %v", name, changed)
		}
	}
	for _, name := range changed {
		if !strings.HasPrefix(name, "shop-") && !strings.HasPrefix(name, "next-") {
			t.Errorf("%s can be changed", name)
		}
	}
	if len(rules) != 2 {
		t.Errorf("other permissions for Secrets: %v", rules)
	}
	without := rendered(t, operatorChart, image).get(t, "Role shop/shopflow-operator")
	if names, there := secretRules(without)["get"]; there {
		t.Errorf("without named Secrets it may read %v", names)
	}
}

func TestNoPlaceholderIsLeft(t *testing.T) {
	out, _, err := template(t, operatorChart, image)
	if err != nil {
		t.Fatal(err)
	}
	if left := regexp.MustCompile(`.*\b(NAMESPACE|PLATFORM|SECRET)\b.*`).FindString(out); left != "" {
		t.Errorf("left: %s", left)
	}
}

func TestWhatIsChosenReachesTheOperator(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0", 64)
	deployment := rendered(t, operatorChart, image,
		"--set=image.digest="+digest, "--set=imagePullSecrets[0].name=pull", "--set=replicas=2",
		"--set=logLevel=debug", "--set=platformImages.services.repository=localhost/services",
		"--set=platformImages.services.version=0.2.0", "--set=platformImages.postgres=localhost/postgres:17",
		"--set=platformImages.nats=localhost/nats:3", "--set-json=nodeSelector={\"disk\":\"ssd\"}",
		"--set-json=tolerations=[{\"operator\":\"Exists\"}]", "--set=priorityClassName=high",
		"--set-json=podLabels={\"team\":\"shop\"}", "--set-json=podAnnotations={\"a\":\"b\"}",
	).get(t, "Deployment shopflow-system/shopflow-operator")
	pod := []any{"spec", "template", "spec"}
	for _, each := range []struct {
		expected any
		path     []any
	}{
		{float64(2), []any{"spec", "replicas"}},
		{"localhost/shopflow-operator@" + digest, append(pod, "containers", 0, "image")},
		{"pull", append(pod, "imagePullSecrets", 0, "name")},
		{"ssd", append(pod, "nodeSelector", "disk")},
		{"Exists", append(pod, "tolerations", 0, "operator")},
		{"high", append(pod, "priorityClassName")},
		{"shop", []any{"spec", "template", "metadata", "labels", "team"}},
		{"b", []any{"spec", "template", "metadata", "annotations", "a"}},
	} {
		if found := deployment.at(each.path...); found != each.expected {
			t.Errorf("%v is %v, not %v", each.path, found, each.expected)
		}
	}
	variables := map[string]any{}
	for _, each := range deployment.at(append(pod, "containers", 0, "env")...).([]any) {
		variables[each.(map[string]any)["name"].(string)] = each.(map[string]any)["value"]
	}
	for name, expected := range map[string]string{
		"SHOPFLOW_IMAGE": "localhost/services", "SHOPFLOW_VERSION": "0.2.0", "LOG_LEVEL": "debug",
		"SHOPFLOW_POSTGRES_IMAGE": "localhost/postgres:17", "SHOPFLOW_NATS_IMAGE": "localhost/nats:3",
	} {
		if variables[name] != expected {
			t.Errorf("%s is %v", name, variables[name])
		}
	}
}

func TestValuesThatCannotWorkAreRefusedBySayingWhere(t *testing.T) {
	for _, each := range []struct{ name, argument, expected string }{
		{"no image", "--set=image.repository=", "image.repository is empty"},
		{"a tag in the repository", "--set=image.repository=localhost/operator:1", "/image/repository"},
		{"a digest that is none", "--set=image.digest=latest", "/image/digest"},
		{"a pull policy that is none", "--set=image.pullPolicy=Sometimes", "/image/pullPolicy"},
		{"a misspelt value", "--set=namespace=shop", "namespace"},
		{"a misspelt value inside", "--set=image.repo=x", "repo"},
		{"no namespace", "--set-json=namespaces=[]", "/namespaces"},
		{"a namespace without platforms", `--set-json=namespaces=[{"name":"shop"}]`, "platforms"},
		{"a namespace that is no name", `--set-json=namespaces=[{"name":"Shop","platforms":["shop"]}]`, "/namespaces/0/name"},
		{"a platform that is no name", `--set-json=namespaces=[{"name":"shop","platforms":["1shop"]}]`, "/namespaces/0/platforms/0"},
		{"a platform twice", `--set-json=namespaces=[{"name":"shop","platforms":["shop","shop"]}]`, "/namespaces/0/platforms"},
		{
			"a namespace twice",
			`--set-json=namespaces=[{"name":"shop","platforms":["a"]},{"name":"shop","platforms":["b"]}]`,
			"namespaces: shop is there twice",
		},
		{"too many replicas", "--set=replicas=50", "/replicas"},
		{"replicas that are no number", "--set-string=replicas=two", "/replicas"},
		{"a label that is no text", `--set-json=podLabels={"a":1}`, "/podLabels/a"},
	} {
		t.Run(each.name, func(t *testing.T) {
			out, failure, err := template(t, operatorChart, image, each.argument)
			if err == nil {
				t.Fatalf("is rendered:\n%s", out)
			}
			if !strings.Contains(strings.ReplaceAll(failure, ".", "/"), strings.ReplaceAll(each.expected, ".", "/")) {
				t.Errorf("does not say %q: %s", each.expected, failure)
			}
		})
	}
	if _, failure, err := template(t, crdsChart, "--set=keep=false"); err == nil || !strings.Contains(failure, "keep") {
		t.Errorf("the chart of the definition takes values: %v %s", err, failure)
	}
}

func TestTheChartsHaveTheVersionOfTheWorkspace(t *testing.T) {
	workspace, err := os.ReadFile(root + "/Cargo.toml")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^version = "(.*)"$`).FindSubmatch(workspace)
	if version == nil {
		t.Fatal("Cargo.toml has no version")
	}
	for _, chart := range []string{operatorChart, crdsChart} {
		content, err := os.ReadFile(chart + "/Chart.yaml")
		if err != nil {
			t.Fatal(err)
		}
		var described struct{ Version, AppVersion string }
		if err := yaml.Unmarshal(content, &described); err != nil {
			t.Fatal(err)
		}
		if want := string(version[1]); described.Version != want || described.AppVersion != want {
			t.Errorf("%s has %v, the workspace %s", chart, described, want)
		}
	}
}
