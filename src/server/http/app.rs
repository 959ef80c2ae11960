//! Serves the files of the app: from the binary, or from `dist/` during development.

use super::errors::ApiError;
use crate::{
    api::problem::{Code, Problem},
    server::tasks::compute,
};
use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use std::{borrow::Cow, path::PathBuf, sync::Arc};

/// A file of the app.
#[derive(Clone, Debug)]
pub struct Asset {
    /// Its content.
    pub content: Cow<'static, [u8]>,
    /// The SHA-256 of the content, computed when the binary was built.
    pub sha256: [u8; 32],
}

/// Finds a file that the binary carries.
pub type Bundle = fn(&str) -> Option<Asset>;

/// Where the app's files are.
#[derive(Clone, Debug)]
pub enum Assets {
    /// In the binary.
    Bundled(Bundle),
    /// In a folder.
    Folder(Arc<PathBuf>),
}

impl Assets {
    /// The files of a binary that carries none: those of the last build.
    pub fn of_last_build() -> Self {
        Self::Folder(Arc::new("dist".into()))
    }

    async fn read(&self, path: &str) -> Option<Asset> {
        match self {
            Self::Bundled(bundle) => bundle(path),
            Self::Folder(folder) => {
                let file = folder.join(path);
                let read = move || {
                    let content = std::fs::read(file).ok()?;
                    let sha256 = Sha256::digest(&content).into();
                    Some(Asset { sha256, content: content.into() })
                };
                compute("file of the app", "folder", read).await.flatten()
            }
        }
    }
}

/// Answers requests outside the API: the app's files, and the app's page for the app's own routes.
pub async fn serve(assets: Assets, request: Request) -> Response {
    let path = request.uri().path();
    if path.starts_with("/api/") {
        return ApiError(Problem::new(Code::NotFound, "There is nothing here.")).into_response();
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return ApiError(Problem::new(Code::MethodNotAllowed, "That cannot be done here."))
            .into_response();
    }
    let wanted = path.trim_start_matches('/');
    let is_file = wanted.rsplit('/').next().is_some_and(|name| name.contains('.'));
    let path = if is_file { wanted } else { "index.html" };
    if path.split('/').any(|part| part == ".." || part.is_empty()) || path.contains('\\') {
        return not_found();
    }
    match file(&assets, path, request.headers()).await {
        Some(response) => response,
        None if path == "index.html" => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The app is not built. Run scripts/build, or start from a binary that carries it.\n",
        )
            .into_response(),
        None => not_found(),
    }
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "There is nothing here.\n").into_response()
}

async fn file(assets: &Assets, path: &str, headers: &HeaderMap) -> Option<Response> {
    let accepts = |name: header::HeaderName, what: &str| {
        headers.get(name).and_then(|v| v.to_str().ok()).is_some_and(|v| v.contains(what))
    };
    let packed = if accepts(header::ACCEPT_ENCODING, "br") {
        assets.read(&format!("{path}.br")).await
    } else {
        None
    };
    let is_packed = packed.is_some();
    let Asset { content, sha256 } = match packed {
        Some(packed) => packed,
        None => assets.read(path).await?,
    };
    // Files of the binary are not copied, however many clients read them slowly.
    let content = match content {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    let etag = format!("\"{}\"", HEXLOWER.encode(&sha256[..12]));
    let mut response = if accepts(header::IF_NONE_MATCH, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(content).into_response()
    };
    let out = response.headers_mut();
    let mime = mime_guess::from_path(path).first_or_octet_stream();
    let kind =
        if mime.type_() == "text" { format!("{mime}; charset=utf-8") } else { mime.to_string() };
    out.insert(header::CONTENT_TYPE, HeaderValue::from_str(&kind).ok()?);
    out.insert(header::ETAG, HeaderValue::from_str(&etag).ok()?);
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    out.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static(if is_hashed(path) {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        }),
    );
    if is_packed {
        out.insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    Some(response)
}

/// Whether the name of a file contains its hash. Trunk puts 16 hexadecimal digits of the hash
/// there, so such a file never changes.
fn is_hashed(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split(['-', '_', '.'])
        .any(|part| part.len() == 16 && part.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Security 1: strangers let the server hash half a megabyte for each request.
    #[tokio::test]
    async fn tag_of_a_file_is_its_hash_from_the_build() {
        let bundle: Bundle = |path| {
            let is_page = path == "index.html";
            is_page.then(|| Asset { content: b"page".into(), sha256: [7; 32] })
        };
        let asked = Request::builder().uri("/settings").body(Body::empty()).unwrap();
        let response = serve(Assets::Bundled(bundle), asked).await;
        let tag = response.headers()[header::ETAG].clone();
        assert_eq!(tag, format!("\"{}\"", "07".repeat(12)), "nothing is hashed for the request");
        let again = Request::builder().uri("/").header(header::IF_NONE_MATCH, tag);
        let again = again.body(Body::empty()).unwrap();
        let response = serve(Assets::Bundled(bundle), again).await;
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn only_files_named_by_their_hash_are_immutable() {
        assert!(
            is_hashed("buckler-web-0123456789abcdef_bg.wasm")
                && is_hashed("base-0123456789abcdef.css")
        );
        assert!(!is_hashed("index.html") && !is_hashed("sw.js") && !is_hashed("icon-512.png"));
    }
}
