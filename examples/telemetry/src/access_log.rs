//! The access log: a line of JSON for each request that is kept.

use crate::config::AccessLogConfig;
use crate::field::Field;
pub use crate::field::Value;
use crate::sampling::Sampling;
use crate::tags::Tags;
use proxy_filter::prelude::*;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// More than this is no line that anybody reads.
const MOST_FIELDS: usize = 64;
/// What a value may be cut to.
const VALUE_BYTES: core::ops::RangeInclusive<usize> = 16..=8_192;

pub(crate) struct AccessLog {
    fields: Vec<(String, Field)>,
    sampling: Sampling,
    always_errors: bool,
    max_value_bytes: usize,
}

impl AccessLog {
    pub(crate) fn new(config: AccessLogConfig) -> Result<Self, ConfigError> {
        if config.fields.is_empty() {
            return Err(ConfigError::new("access_log.fields: it is empty; leave out access_log for no log"));
        }
        if config.fields.len() > MOST_FIELDS {
            let count = config.fields.len();
            return Err(ConfigError::new(format!("access_log.fields: {count} are too many, at most {MOST_FIELDS}")));
        }
        if !VALUE_BYTES.contains(&config.max_value_bytes) {
            let (least, most) = (VALUE_BYTES.start(), VALUE_BYTES.end());
            return Err(ConfigError::new(format!(
                "access_log.max_value_bytes: {} is not between {least} and {most}",
                config.max_value_bytes
            )));
        }
        let mut fields: Vec<(String, Field)> = Vec::new();
        for name in config.fields {
            if fields.iter().any(|(known, _)| *known == name) {
                return Err(ConfigError::new(format!("access_log.fields: \"{name}\" stands there twice")));
            }
            let field = Field::named(&name)?;
            fields.push((name, field));
        }
        Ok(Self {
            fields,
            sampling: Sampling::new(config.sample_percent)?,
            always_errors: config.always_errors,
            max_value_bytes: config.max_value_bytes,
        })
    }

    pub(crate) fn write(&self, http: &Log<'_>, tags: &Tags) -> Result<(), Failure> {
        // A stream without a code was never answered; a flag says what went wrong with it.
        let is_error = tags.code == 0 || tags.code >= 500 || tags.flags != 0;
        if !(self.always_errors && is_error) {
            let id = http.property_bytes(&["request", "id"])?;
            if !self.sampling.keeps(http, id.as_deref())? {
                return Ok(());
            }
        }
        // What cannot be read is missing: better a line without it than none.
        let read = |(name, field): &(String, Field)| (name.clone(), field.read(http, tags).unwrap_or(Value::Missing));
        let values: Vec<(String, Value)> = self.fields.iter().map(read).collect();
        http.log(LogLevel::Info, json_line(&values, self.max_value_bytes)?)?;
        Ok(())
    }
}

/// An object of JSON on one line. Text that is longer than `max_value_bytes` is cut and ends in `…`; what is no UTF-8 is `�`.
///
/// # Errors
/// None that could happen: no value here is one that JSON lacks.
pub fn json_line(values: &[(String, Value)], max_value_bytes: usize) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Line { values, max_value_bytes })
}

struct Line<'a> {
    values: &'a [(String, Value)],
    max_value_bytes: usize,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.values.len()))?;
        for (key, value) in self.values {
            match value {
                Value::Missing => map.serialize_entry(key, &())?,
                Value::Number(number) => map.serialize_entry(key, number)?,
                Value::Text(bytes) => map.serialize_entry(key, &*shortened(bytes, self.max_value_bytes))?,
            }
        }
        map.end()
    }
}

/// At most so many bytes, and a sign that there were more.
fn shortened(bytes: &[u8], most: usize) -> Cow<'_, str> {
    let Some(start) = bytes.get(..most).filter(|start| start.len() < bytes.len()) else {
        return String::from_utf8_lossy(bytes);
    };
    // Not within a character: the bytes of one that go on begin with 0b10.
    let whole = start.iter().rposition(|byte| byte & 0xc0 != 0x80).unwrap_or(0);
    let end = match core::str::from_utf8(start.get(whole..).unwrap_or_default()) {
        Ok(_) => start.len(),
        Err(_) => whole,
    };
    let text = String::from_utf8_lossy(start.get(..end).unwrap_or_default());
    Cow::Owned(format!("{text}…"))
}
