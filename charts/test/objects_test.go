package test

import (
	"fmt"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// object is one Kubernetes object, as its YAML has it.
type object map[string]any

// objects are known by kind, namespace and name.
type objects map[string]object

// parse reads a stream of YAML documents.
func parse(t *testing.T, text string) objects {
	t.Helper()
	found := objects{}
	for _, document := range strings.Split("\n"+text, "\n---") {
		var one object
		if err := yaml.Unmarshal([]byte(document), &one); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		if len(one) == 0 {
			continue
		}
		if _, twice := found[one.key()]; twice {
			t.Fatalf("%s is there twice", one.key())
		}
		found[one.key()] = one
	}
	return found
}

func (o object) key() string {
	return fmt.Sprintf("%v %v/%v", o["kind"], o.at("metadata", "namespace"), o.at("metadata", "name"))
}

// at follows keys of maps and indices of lists; nil where there is nothing.
func (o object) at(path ...any) any {
	var here any = map[string]any(o)
	for _, step := range path {
		switch step := step.(type) {
		case string:
			inside, _ := here.(map[string]any)
			here = inside[step]
		case int:
			list, _ := here.([]any)
			if step >= len(list) {
				return nil
			}
			here = list[step]
		}
	}
	return here
}

// get is the object of that key.
func (o objects) get(t *testing.T, key string) object {
	t.Helper()
	found, there := o[key]
	if !there {
		t.Fatalf("no %s", key)
	}
	return found
}

// withoutLabels leaves out what each means of installation says of itself: labels of the object, never of its pods.
func (o object) withoutLabels() object {
	copied, metadata := object{}, map[string]any{}
	for key, value := range o {
		copied[key] = value
	}
	for key, value := range o["metadata"].(map[string]any) {
		if key != "labels" {
			metadata[key] = value
		}
	}
	copied["metadata"] = metadata
	return copied
}

func text(t *testing.T, value any) string {
	t.Helper()
	out, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
