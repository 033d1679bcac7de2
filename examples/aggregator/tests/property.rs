//! Nothing is lost, doubled or put out of order between the queue and a batch; waits grow and stay in their bounds.

use aggregator::{Batches, Unfit, Value, backoff, json_line};
use proptest::prelude::*;
use std::time::Duration;

#[derive(Clone, Debug)]
enum Step {
    Push(Vec<u8>),
    Take,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => proptest::collection::vec(prop_oneof![9 => 1_u8..=255, 1 => Just(b'\n')], 0..40).prop_map(Step::Push),
        1 => Just(Step::Take),
    ]
}

proptest! {
    #[test]
    fn batches_hold_every_record_once_in_order_and_keep_their_limits(
        steps in proptest::collection::vec(step(), 0..120),
        (most_records, most_bytes, room) in (1_usize..8, 8_usize..64, 64_usize..256),
    ) {
        let mut batches = Batches::new(most_records, most_bytes, room);
        let (mut put, mut got) = (Vec::new(), Vec::new());
        let mut take = |batches: &mut Batches| {
            let full = batches.is_full();
            let batch = batches.take();
            if let Some(batch) = &batch {
                assert!(batch.records <= most_records && batch.body.len() <= most_bytes, "{batch:?}");
                assert!(batch.body.ends_with(b"\n"));
                let lines: Vec<Vec<u8>> = batch.body[..batch.body.len() - 1].split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
                assert_eq!(lines.len(), batch.records);
                got.extend(lines);
            }
            assert!(!full || batch.is_some());
            batch.is_some()
        };
        for step in steps {
            match step {
                Step::Push(record) if batches.has_room() => match batches.push(record.clone()) {
                    Ok(()) => put.push(record),
                    Err(Unfit::Malformed) => prop_assert!(record.is_empty() || record.contains(&b'\n')),
                    Err(Unfit::TooLarge) => prop_assert!(record.len() >= most_bytes),
                },
                Step::Push(_) => {}
                Step::Take => {
                    let had = !batches.is_empty();
                    prop_assert_eq!(take(&mut batches), had);
                }
            }
        }
        while take(&mut batches) {}
        prop_assert!(batches.is_empty());
        prop_assert_eq!(got, put);
    }

    #[test]
    fn a_wait_is_at_least_half_of_what_doubles_and_never_more_than_the_longest(
        first in 1_u64..100_000, more in 0_u64..10_000_000, failed in 0_u32..200, random: u64,
    ) {
        let (first, most) = (Duration::from_millis(first), Duration::from_millis(first + more));
        let wait = backoff(first, most, failed, random);
        let doubled = (1..failed.min(40)).fold(first, |wait, _| wait.saturating_mul(2)).min(most);
        prop_assert!(wait <= doubled, "{wait:?} of {doubled:?}");
        prop_assert!(wait * 2 + Duration::from_millis(1) >= doubled, "{wait:?} of {doubled:?}");
    }

    #[test]
    fn a_record_is_one_line_of_json(values in proptest::collection::vec((any::<Vec<u8>>(), any::<Option<i64>>()), 0..6), most in 16_usize..64) {
        let names: Vec<String> = (0..values.len()).map(|at| format!("field{at}")).collect();
        let values = names.iter().zip(&values).map(|(name, (text, number))| {
            (&**name, number.map_or_else(|| Value::Text(text.clone()), Value::Number))
        });
        let line = json_line(values, most).expect("JSON");
        prop_assert!(line.iter().all(|byte| *byte >= b' '));
        let read: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&line).expect("an object");
        prop_assert_eq!(read.len(), names.len());
        // Six bytes for one of a control character, or three for one that is no UTF-8; the name, quotes and commas.
        prop_assert!(line.len() <= 2 + names.len() * (6 * most + 24));
    }
}
