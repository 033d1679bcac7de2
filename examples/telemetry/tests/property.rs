//! Whatever is logged: one line of JSON that holds it, within its bound.

use proptest::prelude::*;
use telemetry::{Value, json_line};

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Missing),
        any::<i64>().prop_map(Value::Number),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(Value::Text),
        // Text whose characters have several bytes, so that cuts fall into them.
        "[a-zü€\u{10348}\"\\\\\n]{0,100}".prop_map(|text| Value::Text(text.into_bytes())),
    ]
}

proptest! {
    #[test]
    fn a_line_is_json_and_holds_each_value_or_its_beginning(values in proptest::collection::vec(value(), 0..8), most in 16_usize..300) {
        let values: Vec<(String, Value)> = values.into_iter().enumerate().map(|(at, value)| (format!("field{at}"), value)).collect();
        let line = json_line(&values, most).expect("JSON");
        prop_assert!(line.bytes().all(|byte| byte >= b' '), "{line:?}");
        let read: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&line).expect("an object");
        prop_assert_eq!(read.len(), values.len());
        for (key, value) in &values {
            match (value, &read[key]) {
                (Value::Missing, read) => prop_assert!(read.is_null()),
                (Value::Number(number), read) => prop_assert_eq!(read.as_i64(), Some(*number)),
                (Value::Text(bytes), read) => {
                    let (text, whole) = (read.as_str().expect("text"), String::from_utf8_lossy(bytes));
                    if bytes.len() <= most {
                        prop_assert_eq!(text, whole);
                    } else {
                        let start = text.strip_suffix('…').expect("a sign that it was cut");
                        // Text is not cut within a character, and no more is lost than one.
                        match std::str::from_utf8(bytes) {
                            Ok(whole) => {
                                prop_assert!(whole.starts_with(start), "{start:?} of {whole:?}");
                                prop_assert!(start.len() <= most && start.len() + 4 > most);
                            }
                            Err(_) => prop_assert!(start.len() <= 3 * most),
                        }
                    }
                }
            }
        }
        // Six bytes for one of a control character, three for one that is no UTF-8; the keys, quotes and commas.
        prop_assert!(line.len() <= 2 + values.len() * ("\"field0\":\"…\",".len() + 6 * most.max(20)));
    }
}
