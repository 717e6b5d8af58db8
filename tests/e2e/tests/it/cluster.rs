//! The cluster, through `kubectl`, as an SRE has it.

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use operator::generated;
use serde_json::{Value, json};

use crate::{eventually::eventually, shop::Shop};

/// How long a platform may take to be Ready again.
pub(crate) const CONVERGENCE: Duration = Duration::from_mins(3);

/// One ShopFlowPlatform and the namespace it lives in.
pub(crate) struct Platform {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// Runs kubectl and returns what it printed; an error carries what it said.
pub(crate) fn kubectl(arguments: &[&str]) -> Result<String> {
    kubectl_with_input(arguments, "")
}

fn kubectl_with_input(arguments: &[&str], input: &str) -> Result<String> {
    let mut process = Command::new("kubectl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting kubectl")?;
    process.stdin.take().context("stdin")?.write_all(input.as_bytes())?;
    let output = process.wait_with_output()?;
    ensure!(
        output.status.success(),
        "kubectl {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// Applies one object.
pub(crate) fn apply(object: &Value) -> Result<()> {
    apply_text(&object.to_string())
}

fn apply_text(objects: &str) -> Result<()> {
    kubectl_with_input(&["apply", "--server-side", "-f", "-"], objects).map(drop)
}

impl Platform {
    /// The sample platform that `make up` applied.
    pub(crate) fn sample() -> Self {
        Self { namespace: "shop".to_owned(), name: "shop".to_owned() }
    }

    fn get(&self, what: &str) -> Result<Value> {
        let text = kubectl(&["-n", &self.namespace, "get", what, "-o", "json"])?;
        Ok(serde_json::from_str(&text)?)
    }

    /// The resource as the API server has it.
    pub(crate) fn resource(&self) -> Result<Value> {
        self.get(&format!("shopflowplatform/{}", self.name))
    }

    /// Merge-patches the resource.
    pub(crate) fn patch(&self, patch: &Value) -> Result<()> {
        let patch = patch.to_string();
        let arguments = ["-n", &self.namespace, "patch", "sfp", &self.name, "--type=merge", "-p", &patch];
        kubectl(&arguments).map(drop)
    }

    /// Waits until Ready is true for the newest generation.
    pub(crate) async fn ready(&self) -> Result<Value> {
        let what = format!("{}/{} to be Ready", self.namespace, self.name);
        eventually(&what, CONVERGENCE, async || {
            let resource = self.resource()?;
            let current = resource["status"]["observedGeneration"] == resource["metadata"]["generation"];
            if current && condition(&resource, "Ready") == Some("True") {
                return Ok(Some(resource));
            }
            bail!("status: {}", resource["status"]["conditions"]);
        })
        .await
    }

    /// Waits until Ready, and until the pods of before are gone: until then they go on with what they have.
    pub(crate) async fn settled(&self) -> Result<()> {
        self.ready().await?;
        eventually("the pods of before to go", CONVERGENCE, async || {
            let pods = self.get("pods")?;
            let pods = pods["items"].as_array().context("items")?;
            Ok(pods.iter().all(|pod| pod["metadata"]["deletionTimestamp"].is_null()).then_some(()))
        })
        .await
    }

    /// Names of the platform's pods that run.
    pub(crate) fn pods(&self) -> Result<Vec<String>> {
        let pods = self.get("pods")?;
        let pods = pods["items"].as_array().context("items")?;
        let running = pods.iter().filter(|pod| pod["status"]["phase"] == "Running");
        running.map(|pod| Ok(pod["metadata"]["name"].as_str().context("name")?.to_owned())).collect()
    }

    /// UID of each running pod by name.
    pub(crate) fn pod_uids(&self) -> Result<BTreeMap<String, String>> {
        let pods = self.get("pods")?;
        let mut uids = BTreeMap::new();
        for pod in pods["items"].as_array().context("items")? {
            if pod["status"]["phase"] == "Running" {
                let metadata = &pod["metadata"];
                let text = |key: &str| metadata[key].as_str().map(str::to_owned).context("metadata");
                uids.insert(text("name")?, text("uid")?);
            }
        }
        Ok(uids)
    }

    /// `kind/name` of every object of these kinds.
    pub(crate) fn objects(&self, kinds: &str) -> Result<Vec<String>> {
        let text = kubectl(&["-n", &self.namespace, "get", kinds, "-o", "name"])?;
        Ok(text.lines().map(str::to_owned).collect())
    }
}

/// The status of a condition.
pub(crate) fn condition<'a>(resource: &'a Value, kind: &str) -> Option<&'a str> {
    let conditions = resource["status"]["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == kind)?["status"].as_str()
}

/// The sample platform's public address and admin, from `make env`.
pub(crate) fn sample_shop() -> Result<(Shop, String, String)> {
    let variable = |name: &str| env::var(name).with_context(|| format!("{name} is not set: `make env`"));
    Ok((
        Shop::at(&variable("SHOPFLOW_URL")?)?,
        variable("SHOPFLOW_ADMIN_EMAIL")?,
        variable("SHOPFLOW_ADMIN_PASSWORD")?,
    ))
}

/// A `kubectl port-forward`; it ends with this value.
pub(crate) struct Forward {
    process: Child,
    // kubectl ends when nobody reads what it says.
    _output: BufReader<ChildStdout>,
    /// Local address.
    pub(crate) url: String,
}

impl Forward {
    pub(crate) fn to_gateway(platform: &Platform) -> Result<Self> {
        Self::to(platform, "service/gateway", 3000)
    }

    /// To the port of a pod or a Service of a platform.
    pub(crate) fn to(platform: &Platform, target: &str, port: u16) -> Result<Self> {
        let mut process = Command::new("kubectl")
            .args(["-n", &platform.namespace, "port-forward", target, &format!(":{port}")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting kubectl port-forward")?;
        let mut output = BufReader::new(process.stdout.take().context("stdout")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        // Such as "Forwarding from 127.0.0.1:40123 -> 3000".
        let address = line.split_whitespace().nth(2).map(str::to_owned);
        let mut forward = Self { process, _output: output, url: String::new() };
        forward.url = format!("http://{}", address.with_context(|| format!("port-forward said: {line}"))?);
        Ok(forward)
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The smallest platform.
pub(crate) fn minimal(platform: &Platform) -> Value {
    json!({
        "apiVersion": "shopflow.dev/v1alpha1",
        "kind": "ShopFlowPlatform",
        "metadata": {"namespace": platform.namespace, "name": platform.name},
        "spec": {},
    })
}

/// The installed operator.
pub(crate) struct Operator;

impl Operator {
    fn kubectl(arguments: &[&str]) -> Result<String> {
        kubectl(&[&["-n", "shopflow-system"], arguments].concat())
    }

    /// Its container, as the Deployment has it.
    pub(crate) fn container() -> Result<Value> {
        let text = Self::kubectl(&["get", "deployment", "shopflow-operator", "-o", "json"])?;
        let mut deployment: Value = serde_json::from_str(&text)?;
        Ok(deployment["spec"]["template"]["spec"]["containers"][0].take())
    }

    /// Waits until none of its pods is left.
    pub(crate) fn gone() -> Result<()> {
        let selector = "app.kubernetes.io/name=shopflow-operator";
        Self::kubectl(&["wait", "pod", "-l", selector, "--for=delete", "--timeout=120s"]).map(drop)
    }

    /// Waits until the newest of its pods are ready.
    pub(crate) fn rolled_out() -> Result<()> {
        Self::kubectl(&["rollout", "status", "deployment/shopflow-operator", "--timeout=120s"]).map(drop)
    }

    /// Has it keep platforms in these namespaces; its permissions there are for somebody else to give.
    pub(crate) fn keep_namespaces(namespaces: &[&str]) -> Result<()> {
        let variable = format!("SHOPFLOW_NAMESPACES={}", namespaces.join(","));
        Self::kubectl(&["set", "env", "deployment/shopflow-operator", &variable])?;
        Self::rolled_out()
    }

    /// Runs that many of it.
    pub(crate) fn scale(replicas: u8) -> Result<()> {
        let replicas = format!("--replicas={replicas}");
        Self::kubectl(&["scale", "deployment/shopflow-operator", &replicas])?;
        Self::rolled_out()
    }

    /// The pod that leads, by the lease. For a moment after a roll-out nobody does, and then there is none.
    pub(crate) fn leader() -> Result<Option<String>> {
        let holder =
            Self::kubectl(&["get", "lease", "shopflow-operator", "-o", "jsonpath={.spec.holderIdentity}"])?;
        Ok((!holder.is_empty()).then_some(holder))
    }

    /// Ends a pod at once.
    pub(crate) fn kill(pod: &str) -> Result<()> {
        Self::kubectl(&["delete", "pod", pod, "--grace-period=0", "--force"]).map(drop)
    }
}

/// Makes a namespace like `shop`, in which the operator may keep this platform.
pub(crate) fn open_namespace(platform: &Platform) -> Result<()> {
    apply(&json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": platform.namespace,
            "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
        },
    }))?;
    let role = generated::rbac(&platform.namespace, std::slice::from_ref(&platform.name), &[])?;
    apply_text(&role)
}
