//! How the models are run, by loom or by shuttle. Environment variables ask for more than the tests do by themselves.

/// Switches of a loom model that no thread asked for. AGENTWIRE_LOOM_PREEMPTIONS sets another bound.
#[cfg(loom)]
const PREEMPTIONS: usize = 3;

/// Schedules of a shuttle model, of each kind. AGENTWIRE_SHUTTLE_SCHEDULES sets another number.
#[cfg(shuttle)]
const SCHEDULES: usize = 10_000;

/// Switches that a shuttle schedule of the second kind has at chosen steps.
#[cfg(shuttle)]
const DEPTH: usize = 3;

/// Explores a model: every order of its threads' steps within the bound, and every value that a load may see.
#[cfg(loom)]
pub fn model(run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(asked("AGENTWIRE_LOOM_PREEMPTIONS").unwrap_or(PREEMPTIONS));
    builder.max_branches = 20_000;
    builder.check(run);
}

/// Runs a model in many random schedules: half of them with a switch at any step, half with few switches at chosen steps
/// (PCT, Burckhardt et al., 2010).
#[cfg(shuttle)]
pub fn model(run: impl Fn() + Clone + Sync + Send + 'static) {
    let schedules = asked("AGENTWIRE_SHUTTLE_SCHEDULES").unwrap_or(SCHEDULES);
    shuttle::check_random(run.clone(), schedules);
    shuttle::check_pct(run, schedules, DEPTH);
}

fn asked(variable: &str) -> Option<usize> {
    let value = std::env::var(variable).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is a number")),
    )
}
