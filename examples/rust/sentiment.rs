//! Scores texts with a model file, through examples/c.

#![allow(dead_code)] // the program does not use all of it

use std::ffi::{c_char, c_int, c_void, CStr, CString};
use std::fmt;
use std::ptr::{null, NonNull};

const ERROR_SIZE: usize = 256;
const LABEL_SIZE: usize = 64;

#[repr(C)]
struct RawModel {
    _opaque: [u8; 0],
}

#[repr(C)]
#[derive(Clone, Copy)]
struct RawResult {
    probability: f32,
    stars: f32,
    known_tokens: i32,
    label: [c_char; LABEL_SIZE],
}

impl Default for RawResult {
    fn default() -> RawResult {
        RawResult {
            probability: 0.0,
            stars: 0.0,
            known_tokens: 0,
            label: [0; LABEL_SIZE],
        }
    }
}

#[link(name = "sentiment", kind = "static")]
#[link(name = "onnxruntime")]
unsafe extern "C" {
    fn sentiment_open(
        path: *const c_char,
        bytes: *const c_void,
        size: usize,
        error: *mut c_char,
    ) -> *mut RawModel;
    fn sentiment_score(
        model: *const RawModel,
        texts: *const c_char,
        lengths: *const usize,
        count: usize,
        results: *mut RawResult,
        error: *mut c_char,
    ) -> c_int;
    fn sentiment_close(model: *mut RawModel);
}

#[derive(Debug)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// What the model says of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// None if the model knows no word of the text: not an opinion.
    pub label: Option<String>,
    /// NaN without a label.
    pub probability: f32,
    /// NaN without a label, or if the model has no stars.
    pub stars: f32,
    pub known_tokens: i32,
}

/// A model that is open; any number of threads may score with it.
#[derive(Debug)]
pub struct Model(NonNull<RawModel>);

// Scoring changes nothing of the model.
unsafe impl Send for Model {}
unsafe impl Sync for Model {}

impl Model {
    pub fn open(path: &str) -> Result<Model, Error> {
        let name = CString::new(path).map_err(|_| Error("a path has no NUL".into()))?;
        Model::new(name.as_ptr(), &[])
    }

    pub fn from_bytes(content: &[u8]) -> Result<Model, Error> {
        Model::new(null(), content)
    }

    fn new(path: *const c_char, content: &[u8]) -> Result<Model, Error> {
        let mut error = [0; ERROR_SIZE];
        let found = unsafe {
            sentiment_open(
                path,
                content.as_ptr().cast(),
                content.len(),
                error.as_mut_ptr(),
            )
        };
        NonNull::new(found)
            .map(Model)
            .ok_or_else(|| Error(text_of(&error)))
    }

    pub fn score<S: AsRef<str>>(&self, texts: &[S]) -> Result<Vec<Score>, Error> {
        let joined: String = texts.iter().map(AsRef::as_ref).collect();
        let lengths: Vec<usize> = texts.iter().map(|text| text.as_ref().len()).collect();
        let mut results = vec![RawResult::default(); texts.len()];
        let mut error = [0; ERROR_SIZE];
        let failed = unsafe {
            sentiment_score(
                self.0.as_ptr(),
                joined.as_ptr().cast(),
                lengths.as_ptr(),
                texts.len(),
                results.as_mut_ptr(),
                error.as_mut_ptr(),
            )
        };
        if failed != 0 {
            return Err(Error(text_of(&error)));
        }
        Ok(results.iter().map(Score::of).collect())
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        unsafe { sentiment_close(self.0.as_ptr()) }
    }
}

impl Score {
    fn of(raw: &RawResult) -> Score {
        let label = text_of(&raw.label);
        Score {
            label: if label.is_empty() { None } else { Some(label) },
            probability: raw.probability,
            stars: raw.stars,
            known_tokens: raw.known_tokens,
        }
    }
}

/// The text of an array that ends with NUL.
fn text_of(array: &[c_char]) -> String {
    unsafe { CStr::from_ptr(array.as_ptr()) }
        .to_string_lossy()
        .into_owned()
}
