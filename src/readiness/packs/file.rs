//! The form of the pack's files: an array of controls, or an object with one under `controls`. Texts may be
//! missing or null, which the pack's scripts tell apart, and at places do not survive.

use serde_json::{Map, Value};

/// Largest file, bytes.
pub const FILE_BYTES_MAX: usize = 16 << 20;
/// Most controls in a file.
const CONTROLS_MAX: usize = 20_000;

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// Not there, or not to be read.
    #[error("it cannot be read: {0}\nhint: name a file of the pack, or `-` for standard input")]
    Read(std::io::Error),
    /// Split it.
    #[error("the file has more than {FILE_BYTES_MAX} bytes\nhint: split it")]
    Large,
    /// Split it.
    #[error("the file has {0} controls, more than {CONTROLS_MAX}\nhint: split it")]
    Many(usize),
    /// Not JSON.
    #[error("it is not JSON: {0}\nhint: give the pack's JSON, not its Markdown or CSV")]
    Json(serde_json::Error),
    /// JSON of another form.
    #[error("{what}\nhint: {{\"controls\": [...]}} or an array of objects, with texts as values")]
    Form {
        /// What is wrong, with the place.
        what: String,
    },
}

/// What a key holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Given {
    /// The key is not there.
    Absent,
    /// `null`.
    Null,
    /// A text; several are joined by a comma.
    Text(String),
}

impl Given {
    /// What the script's rules see in it; null is taken for nothing.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Absent | Self::Null => "",
            Self::Text(text) => text,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        *self == Self::Null
    }
}

/// One control of a file.
#[derive(Debug, Clone)]
pub struct PackControl {
    pub(super) id: Given,
    pub(super) criteria: Given,
    pub(super) description: Given,
    pub(super) evidence_required: Given,
    pub(super) category: Given,
    pub(super) status: Given,
    pub(super) evidence_date: Given,
    pub(super) owner: Given,
    pub(super) frequency: Given,
}

impl PackControl {
    /// As the scripts print it.
    pub(super) fn id(&self) -> &str {
        or_na(&self.id)
    }
}

/// As the scripts print what is missing.
pub(super) fn or_na(given: &Given) -> &str {
    match given {
        Given::Text(text) => text,
        Given::Absent | Given::Null => "N/A",
    }
}

/// Reads a file.
pub fn parse(bytes: &[u8]) -> Result<Vec<PackControl>, PackError> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(PackError::Large);
    }
    let form = |what: &str| PackError::Form { what: what.to_owned() };
    let controls = match serde_json::from_slice(bytes).map_err(PackError::Json)? {
        Value::Array(controls) => controls,
        Value::Object(mut file) => match file.remove("controls") {
            Some(Value::Array(controls)) => controls,
            Some(_) => return Err(form("`controls` is not an array")),
            None => return Err(form("there is no `controls`")),
        },
        _ => return Err(form("it is neither an object nor an array")),
    };
    if controls.len() > CONTROLS_MAX {
        return Err(PackError::Many(controls.len()));
    }
    controls.iter().enumerate().map(|(at, control)| read(at, control)).collect()
}

fn read(at: usize, control: &Value) -> Result<PackControl, PackError> {
    let Value::Object(control) = control else {
        return Err(PackError::Form { what: format!("controls[{at}] is not an object") });
    };
    let key = |key: &'static str| given(at, control, key);
    Ok(PackControl {
        id: key("control_id")?,
        criteria: key("tsc_criteria")?,
        description: key("description")?,
        evidence_required: key("evidence_required")?,
        category: key("category")?,
        status: key("status")?,
        evidence_date: key("evidence_date")?,
        owner: key("owner")?,
        frequency: key("frequency")?,
    })
}

fn given(at: usize, control: &Map<String, Value>, key: &str) -> Result<Given, PackError> {
    let texts = |list: &[Value]| list.iter().map(|v| v.as_str().map(str::to_owned)).collect::<Option<Vec<String>>>();
    let text = match control.get(key) {
        None => return Ok(Given::Absent),
        Some(Value::Null) => return Ok(Given::Null),
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Array(list)) => texts(list).map(|list| list.join(", ")),
        Some(_) => None,
    };
    text.map(Given::Text).ok_or_else(|| PackError::Form { what: format!("controls[{at}].{key} is not a text") })
}
