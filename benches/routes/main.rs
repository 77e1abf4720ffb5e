//! The routing tables at scale. Prints one JSON object; what it is doing meanwhile goes to stderr.
//!
//! ```text
//! cargo bench --no-default-features --bench routes [-- --quick] [-- --only tables|matching|churn]
//! ```

mod churn;
mod matching;
mod population;
mod publisher;
mod tables;

#[path = "../../tests/allocation/mod.rs"]
mod allocation;
#[path = "../../tests/subscriptions/mod.rs"]
mod subscriptions;

use std::time::Duration;

use population::Wildcards;
use serde_json::{Map, Value, json};

#[global_allocator]
static ALLOCATOR: allocation::Counting = allocation::Counting;

const FEW: usize = 10_000;
const MANY: usize = 1_000_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_quick = arguments.iter().any(|argument| argument == "--quick");
    let only = arguments
        .iter()
        .position(|argument| argument == "--only")
        .map(|at| arguments.get(at + 1).map_or("", String::as_str));
    let rounds = if is_quick { 5 } else { 15 };
    let time = Duration::from_millis(if is_quick { 500 } else { 3000 });
    let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get() / 2);
    let mut result = Map::new();
    let mut part = |name: &str, run: &dyn Fn(usize) -> Value| {
        if only.is_some_and(|only| only != name) {
            return;
        }
        let sizes = [FEW, MANY].map(|count| {
            eprintln!("{name} among {count} subscriptions");
            run(count)
        });
        result.insert(name.to_owned(), json!(sizes));
    };
    part("matching", &|count| {
        json!({
            "single": matching::among(count, Wildcards::Single, rounds),
            "any": matching::among(count, Wildcards::Any, rounds),
        })
    });
    part("tables", &tables::of);
    part("churn", &|count| churn::among(count, threads.max(1), time));
    if result.is_empty() {
        eprintln!("--only takes matching, tables or churn");
        std::process::exit(2);
    }
    println!("{}", Value::Object(result));
}
