//! Embeds what the pages of the documentation load: compressed, and named by content.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{Cursor, Read as _, Write as _};
use std::path::Path;
use std::{env, fs};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

const OWN: [&str; 3] = ["problems.css", "reference.css", "reference.js"];
/// Of Swagger UI's release, which also has the same for module loaders and for a page of its own.
const SWAGGER_UI: [&str; 2] = ["swagger-ui-bundle.js", "swagger-ui.css"];

fn main() -> Result<(), Box<dyn Error>> {
    let out = env::var("OUT_DIR")?;
    let out = Path::new(&out);
    let mut list = String::new();
    for name in OWN {
        let file = format!("src/docs/{name}");
        println!("cargo::rerun-if-changed={file}");
        list.push_str(&embed(out, name, &fs::read(file)?)?);
    }
    let mut release = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    for name in SWAGGER_UI {
        list.push_str(&embed(out, name, &extract(&mut release, name)?)?);
    }
    fs::write(out.join("assets.rs"), format!("[{list}]"))?;
    Ok(())
}

/// A file of the release, whose one folder is named by the version.
fn extract(release: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let end = format!("/dist/{name}");
    for index in 0..release.len() {
        let mut file = release.by_index(index)?;
        if file.name()?.ends_with(&end) {
            let mut content = Vec::new();
            file.read_to_end(&mut content)?;
            return Ok(content);
        }
    }
    Err(format!("Swagger UI's release has no {end}").into())
}

/// Compresses a file into `out`, and returns the expression of its `Asset`.
fn embed(out: &Path, name: &str, content: &[u8]) -> Result<String, Box<dyn Error>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    fs::write(out.join(format!("{name}.gz")), encoder.finish()?)?;
    let mut hash = String::new();
    for byte in &Sha256::digest(content)[..8] {
        write!(hash, "{byte:02x}")?;
    }
    let (stem, kind) = name.rsplit_once('.').ok_or("a file has no extension")?;
    let content_type = match kind {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        _ => return Err(format!("{name}: the content type of .{kind} is not known here").into()),
    };
    let path = format!("/docs/{stem}.{hash}.{kind}");
    let gzipped = format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}.gz\"))");
    Ok(format!(
        "Asset {{ name: {name:?}, path: {path:?}, content_type: {content_type:?}, gzipped: {gzipped} }},\n"
    ))
}
