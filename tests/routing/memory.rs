//! What came and went leaves no memory behind.

use std::sync::Arc;

use agentwire::bus::routing::{Routing, RoutingSize};
use agentwire::bus::subscription::Subscription;

use super::allocation::measure;
use super::subscriptions::{receiver, subscription};

/// Bytes that may be left of very many subscriptions.
const MOST_LEFT: isize = 1024;

/// Half of them exact, half with wildcards, each different, and then as many again of a few patterns.
fn patterns(count: usize) -> impl Iterator<Item = String> {
    let different = (0..count).map(|number| match number % 4 {
        0 => format!("orders.{number}.state"),
        1 => format!("orders.{number}.*"),
        2 => format!("orders.with-a-name-that-is-long.{number}"),
        _ => format!("**.order-{number}.*.state"),
    });
    let same = (0..count).map(|number| ["orders.new", "orders.*", "**"][number % 3].to_owned());
    different.chain(same)
}

#[test]
fn unsubscribing_gives_every_byte_back() {
    let receiver = receiver();
    let mut all: Vec<Arc<Subscription>> = patterns(20_000)
        .map(|pattern| subscription(&pattern, &receiver))
        .collect();
    let routing = Routing::default();
    for turn in 0..3 {
        let ((), coming) = measure(|| all.iter().for_each(|new| routing.subscribe(new)));
        assert!(coming.kept > 1_000_000, "{} bytes", coming.kept);
        // First come, first gone; the other way round; and all over the place.
        match turn {
            0 => (),
            1 => all.reverse(),
            _ => all.sort_by_key(|subscription| subscription.id.wrapping_mul(0x9e37_79b9)),
        }
        let ((), going) = measure(|| {
            for ended in &all {
                assert!(routing.unsubscribe(ended));
            }
        });
        assert_eq!(routing.size(), RoutingSize::default());
        let left = coming.kept + going.kept;
        assert!(left <= MOST_LEFT, "{left} bytes are left");
    }
    assert!(all.iter().all(|ended| Arc::strong_count(ended) == 1));
}

/// Most of them go, a few stay: the tables are as small as if only these had come.
#[test]
fn tables_shrink() {
    let receiver = receiver();
    let all: Vec<_> = patterns(20_000)
        .map(|pattern| subscription(&pattern, &receiver))
        .collect();
    let stay = |index: usize| index.is_multiple_of(100);
    let (_, few) = measure(|| {
        let routing = Routing::default();
        let staying = all.iter().enumerate().filter(|(index, _)| stay(*index));
        staying.for_each(|(_, new)| routing.subscribe(new));
        routing
    });
    let (routing, many) = measure(|| {
        let routing = Routing::default();
        all.iter().for_each(|new| routing.subscribe(new));
        let going = all.iter().enumerate().filter(|(index, _)| !stay(*index));
        going.for_each(|(_, ended)| assert!(routing.unsubscribe(ended)));
        routing
    });
    assert!(
        many.kept < 3 * few.kept,
        "{} bytes for what {} would do",
        many.kept,
        few.kept
    );
    drop(routing);
}
