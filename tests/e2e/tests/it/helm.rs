//! The charts, by the real Helm, as an SRE installs them.

use std::{
    env,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::cluster::Operator;

const NAMESPACE: &str = "shopflow-system";

/// The operator's chart and that of its definition, with the images that the cluster has.
pub(crate) struct Charts {
    program: PathBuf,
    values: Value,
}

impl Charts {
    /// Takes the images and namespaces of the operator that is installed.
    pub(crate) fn of_the_installed_operator() -> Result<Self> {
        let program = env::var_os("SHOPFLOW_E2E_HELM")
            .context("SHOPFLOW_E2E_HELM is not set: the path of the helm program")?;
        let operator = Operator::container()?;
        let image = operator["image"].as_str().context("image")?;
        // The last colon: a registry may have a port.
        let (repository, tag) = image.rsplit_once(':').context("the image has no tag")?;
        let variable = |name: &str| {
            let variables = operator["env"].as_array().into_iter().flatten();
            let value = variables.filter(|each| each["name"] == name).find_map(|each| each["value"].as_str());
            value.with_context(|| format!("{name} of the operator"))
        };
        let values = json!({
            "image": {"repository": repository, "tag": tag},
            "platformImages": {
                "services": {"repository": variable("SHOPFLOW_IMAGE")?, "version": variable("SHOPFLOW_VERSION")?},
                "postgres": variable("SHOPFLOW_POSTGRES_IMAGE")?,
                "nats": variable("SHOPFLOW_NATS_IMAGE")?,
            },
            "namespaces": [{"name": "shop", "platforms": ["shop"]}],
        });
        Ok(Self { program: program.into(), values })
    }

    fn helm(&self, arguments: &[&str]) -> Result<()> {
        let charts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charts");
        let mut process = Command::new(&self.program)
            .args(arguments)
            .args(["--namespace", NAMESPACE])
            .current_dir(charts)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", self.program.display()))?;
        process.stdin.take().context("stdin")?.write_all(self.values.to_string().as_bytes())?;
        let output = process.wait_with_output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "helm {}: {}", arguments.join(" "), said.trim());
        Ok(())
    }

    /// Takes over what was installed by other means.
    pub(crate) fn take_over(&self) -> Result<()> {
        self.install_with(&["--take-ownership", "--force-conflicts"])
    }

    /// Installs both charts.
    pub(crate) fn install(&self) -> Result<()> {
        self.install_with(&[])
    }

    fn install_with(&self, flags: &[&str]) -> Result<()> {
        self.helm(&[&["install", "shopflow-crds", "./shopflow-crds"], flags].concat())?;
        self.helm(
            &[&["install", "shopflow-operator", "./shopflow-operator", "--values", "-"], flags].concat(),
        )?;
        Operator::rolled_out()
    }

    /// Uninstalls both, and waits until the operator is gone.
    pub(crate) fn uninstall(&self) -> Result<()> {
        self.helm(&["uninstall", "shopflow-operator"])?;
        self.helm(&["uninstall", "shopflow-crds"])?;
        Operator::gone()
    }
}
