//! What docs/operating tells people to type, run as it stands there.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};
use uuid::Uuid;

/// A page, and an empty folder to type in.
pub(crate) struct Page {
    text: String,
    folder: PathBuf,
}

impl Page {
    /// A page of docs/operating.
    pub(crate) fn open(name: &str) -> Result<Self> {
        let file = format!("{}/../../docs/operating/{name}", env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(&file).with_context(|| file)?;
        let folder = std::env::temp_dir().join(format!("shopflow-page-{}", Uuid::now_v7().simple()));
        fs::create_dir(&folder)?;
        Ok(Self { text, folder })
    }

    /// Types every block of a section, one after the other in one shell that ends at the first failure. Answers
    /// what it printed.
    pub(crate) fn type_section(&self, heading: &str) -> Result<String> {
        let script = section(&self.text, heading).with_context(|| format!("no commands under {heading}"))?;
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", &script])
            .current_dir(&self.folder)
            .output()
            .context("starting bash")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{heading}: {}\n{script}", said.trim());
        Ok(String::from_utf8(output.stdout)?)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // What is left is in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The fenced blocks below a heading, up to the next one.
fn section(text: &str, heading: &str) -> Option<String> {
    let mut script = String::new();
    let (mut inside, mut fenced) = (false, false);
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced && inside {
            script.push_str(line);
            script.push('\n');
        } else if !fenced && line.starts_with('#') {
            inside = line.trim_start_matches('#').trim() == heading;
        }
    }
    (!script.is_empty()).then_some(script)
}
