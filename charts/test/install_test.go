package test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	definition = "shopflowplatforms.shopflow.dev"
	platform   = "apiVersion: shopflow.dev/v1alpha1\nkind: ShopFlowPlatform\nmetadata: {name: shop, namespace: shop}\nspec: {}\n"
	market     = `--set-json=namespaces=[{"name":"shop","platforms":["shop"]},{"name":"market","platforms":["store"]}]`
)

// withNamespaces makes what the charts never make.
func (c *cluster) withNamespaces(names ...string) *cluster {
	for _, name := range names {
		c.kubectl("create", "namespace", name)
	}
	return c
}

// lasting are the identities of what must outlive whatever happens to the operator.
func (c *cluster) lasting() map[string]string {
	c.t.Helper()
	found := map[string]string{
		"the definition":     c.uid("default", "crd", definition),
		"the platform":       c.uid("shop", "sfp", "shop"),
		"the namespace shop": c.uid("default", "namespace", "shop"),
	}
	for what, uid := range found {
		if uid == "" {
			c.t.Fatalf("%s is gone", what)
		}
	}
	return found
}

// still fails when anything of before is gone, or was made again.
func (c *cluster) still(before map[string]string) {
	c.t.Helper()
	if after := c.lasting(); !maps.Equal(before, after) {
		c.t.Fatalf("made again: %v was %v", after, before)
	}
}

func (c *cluster) watched() string {
	c.t.Helper()
	return c.kubectl("--namespace="+systemNamespace, "get", "deployment", release, "-o",
		`jsonpath={.spec.template.spec.containers[0].env[?(@.name=="SHOPFLOW_NAMESPACES")].value}`)
}

func TestAPlatformOutlivesUpgradeRollbackAndUninstallOfItsOperator(t *testing.T) {
	c := newCluster(t).withNamespaces(systemNamespace, "shop", "market")
	c.helm("install", "shopflow-crds", crdsChart)
	c.helm("install", release, operatorChart, image)
	c.apply(platform)
	before := c.lasting()

	c.helm("upgrade", release, operatorChart, image, market)
	if watched := c.watched(); watched != "shop,market" {
		t.Errorf("after the upgrade it looks after %q", watched)
	}
	if c.uid("market", "role", release) == "" || c.uid("market", "rolebinding", release) == "" {
		t.Error("the upgrade gives no permissions in market")
	}
	c.helm("rollback", release, "1")
	if watched := c.watched(); watched != "shop" {
		t.Errorf("after the rollback it looks after %q", watched)
	}
	if c.uid("market", "role", release) != "" {
		t.Error("after the rollback there are permissions in market")
	}
	c.still(before)

	c.helm("uninstall", release)
	c.helm("uninstall", "shopflow-crds")
	for _, left := range []string{"deployment", "serviceaccount", "service", "role", "rolebinding"} {
		for _, namespace := range []string{systemNamespace, "shop"} {
			if c.uid(namespace, left, release) != "" {
				t.Errorf("%s is left in %s", left, namespace)
			}
		}
	}
	c.still(before)

	c.helm("install", "shopflow-crds", crdsChart)
	c.helm("install", release, operatorChart, image)
	c.still(before)
}

// newer is a copy of the definition's chart with one more field, as a later release has it.
func newer(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "shopflow-crds")
	if err := os.CopyFS(folder, os.DirFS(crdsChart)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "files", "shopflowplatforms.yaml")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const known = "              suspend:\n"
	if strings.Count(string(content), known) != 1 {
		t.Fatal("spec.suspend is not where it was")
	}
	changed := strings.Replace(string(content), known, "              later:\n                type: string\n"+known, 1)
	if err := os.WriteFile(file, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestARollbackOfTheOperatorTakesNoFieldFromAPlatform(t *testing.T) {
	c := newCluster(t).withNamespaces(systemNamespace, "shop", "market")
	c.helm("install", "shopflow-crds", crdsChart)
	c.helm("install", release, operatorChart, image)
	c.helm("upgrade", "shopflow-crds", newer(t))
	c.helm("upgrade", release, operatorChart, image, market)
	c.apply(strings.Replace(platform, "spec: {}", "spec: {later: kept}", 1))
	c.helm("rollback", release, "1")
	// Written again, so that a definition without the field would cut it off.
	c.kubectl("--namespace=shop", "annotate", "sfp", "shop", "written=again")
	if later := c.kubectl("--namespace=shop", "get", "sfp", "shop", "-o", "jsonpath={.spec.later}"); later != "kept" {
		t.Errorf("spec.later is %q", later)
	}
}

func TestHelmTakesOverWhatWasInstalledByKustomize(t *testing.T) {
	c := newCluster(t)
	for _, folder := range manifests {
		c.kubectl("apply", "--server-side", "--field-manager=make-up", "-k", folder)
	}
	c.apply(platform)
	before := c.lasting()
	kept := func() map[string]string {
		found := map[string]string{}
		for key, one := range rendered(t, operatorChart, image) {
			found[key] = c.uid(one.at("metadata", "namespace").(string), one["kind"].(string), one.at("metadata", "name").(string))
		}
		return found
	}
	installed := kept()

	c.helmRefuses("invalid ownership metadata", "install", "shopflow-crds", crdsChart)
	c.helmRefuses("invalid ownership metadata", "install", release, operatorChart, image)
	c.helm("install", "shopflow-crds", crdsChart, "--take-ownership", "--force-conflicts")
	c.helm("install", release, operatorChart, image, "--take-ownership", "--force-conflicts")
	if after := kept(); !maps.Equal(installed, after) {
		t.Errorf("made again: %v was %v", after, installed)
	}
	c.still(before)
	// The fields are kubectl's as well, and stay so.
	c.helm("upgrade", release, operatorChart, image, "--set=replicas=2", "--force-conflicts")
	if replicas := c.kubectl("--namespace="+systemNamespace, "get", "deployment", release, "-o", "jsonpath={.spec.replicas}"); replicas != "2" {
		t.Errorf("%s replicas after an upgrade", replicas)
	}

	c.helm("uninstall", release)
	c.helm("uninstall", "shopflow-crds")
	for key, uid := range kept() {
		if uid != "" {
			t.Errorf("%s is left", key)
		}
	}
	c.still(before)
}

func TestAnInstallationWithoutItsNamespaceSaysWhichIsMissing(t *testing.T) {
	c := newCluster(t).withNamespaces(systemNamespace)
	c.helmRefuses(`namespaces "shop" not found`, "install", release, operatorChart, image)
}

func TestAnInstallationNamesAMissingDefinition(t *testing.T) {
	c := newCluster(t).withNamespaces(systemNamespace, "shop")
	const hint = "helm install shopflow-crds"
	if notes := c.helm("install", release, operatorChart, image); !strings.Contains(notes, hint) {
		t.Errorf("the notes do not name it: %s", notes)
	}
	c.helm("install", "shopflow-crds", crdsChart)
	c.apply(platform)
	if notes := c.helm("upgrade", release, operatorChart, image); strings.Contains(notes, hint) || !slices.Contains(strings.Fields(notes), "shop") {
		t.Errorf("the notes name what is there: %s", notes)
	}
}
