//! Dead letters, as a thread looks at them: the class `NativeDeadLetter`, and what `NativeEndpoint` does with them.

use std::sync::Arc;

use napi::bindgen_prelude::{BigInt, Buffer, Env, Error, ObjectFinalize};
use napi_derive::napi;

use super::endpoint::NativeEndpoint;
use super::error::{Code, Result};
use crate::bus::dead_letters::{Letter, LetterCounts, Limits};
use crate::bus::replay::Replay;

/// The figures of the dead letters of a bus.
#[napi(object)]
pub struct NativeLetterCounts {
    /// Letters that came, by reason (a `LetterReason`).
    pub added: Vec<f64>,
    /// Letters that are here.
    pub held: f64,
    /// Their bytes.
    pub bytes: f64,
    /// Letters that were taken out to be tried again.
    pub replayed: f64,
    /// Letters that somebody deleted.
    pub purged: f64,
    /// Letters that went for newer ones.
    pub discarded: f64,
}

impl From<LetterCounts> for NativeLetterCounts {
    fn from(counts: LetterCounts) -> Self {
        Self {
            added: counts.added.map(|count| count as f64).into(),
            held: counts.held as f64,
            bytes: counts.bytes as f64,
            replayed: counts.replayed as f64,
            purged: counts.purged as f64,
            discarded: counts.discarded as f64,
        }
    }
}

/// What a letter says of itself.
#[napi(object)]
pub struct NativeLetterFacts {
    /// Unique in its bus.
    pub id: f64,
    /// A `LetterReason`.
    pub reason: u32,
    /// The name of its topic.
    pub topic: String,
    /// 0 to 3.
    pub priority: u32,
    /// Handlers that have failed with it.
    pub attempts: u32,
    /// Times that it was taken from the dead letters.
    pub replays: u32,
    /// What the last error said.
    pub error: Option<String>,
    /// When it was submitted: nanoseconds since the Unix epoch.
    pub published_at: BigInt,
    /// When it became a dead letter, likewise.
    pub died_at: BigInt,
    /// Its publisher's endpoint, and that one's number for it.
    pub publisher: u32,
    /// See `publisher`.
    pub sequence: f64,
    /// Its publisher's correlation id.
    pub correlation_id: Option<BigInt>,
    /// The subscription that it was for.
    pub subscription: Option<f64>,
    /// The pattern of that.
    pub pattern: Option<String>,
    /// The group that it was for.
    pub group: Option<String>,
    /// Bytes that it takes.
    pub bytes: f64,
}

/// A dead letter. It stays readable when it is one no more; so the garbage collector is told of the memory that it keeps.
#[napi(custom_finalize)]
pub struct NativeDeadLetter {
    letter: Arc<Letter>,
}

impl NativeDeadLetter {
    fn new(env: &Env, letter: Arc<Letter>) -> napi::Result<Self> {
        env.adjust_external_memory(letter.kept.size() as i64)?;
        Ok(Self { letter })
    }
}

impl ObjectFinalize for NativeDeadLetter {
    fn finalize(self, env: Env) -> napi::Result<()> {
        env.adjust_external_memory(-(self.letter.kept.size() as i64))?;
        Ok(())
    }
}

#[napi]
impl NativeDeadLetter {
    /// What it says of itself.
    #[napi(catch_unwind)]
    pub fn facts(&self) -> NativeLetterFacts {
        let Letter {
            id,
            reason,
            kept,
            topic,
            addressee,
            attempts,
            replays,
            error,
            died_at,
        } = &*self.letter;
        let addressee = addressee.as_ref();
        NativeLetterFacts {
            id: *id as f64,
            reason: *reason as u32,
            topic: topic.to_string(),
            priority: kept.priority() as u32,
            attempts: u32::from(*attempts),
            replays: u32::from(*replays),
            error: (!error.is_empty()).then(|| error.to_string()),
            published_at: BigInt::from(kept.timestamp()),
            died_at: BigInt::from(*died_at),
            publisher: kept.publisher(),
            sequence: kept.sequence() as f64,
            correlation_id: kept.correlation().map(BigInt::from),
            subscription: addressee.map(|addressee| addressee.subscription as f64),
            pattern: addressee.map(|addressee| addressee.pattern.to_string()),
            group: addressee.and_then(|addressee| addressee.group.as_ref().map(Box::to_string)),
            bytes: kept.size() as f64,
        }
    }

    /// Its headers as they were encoded; nothing without any.
    #[napi(catch_unwind)]
    pub fn headers(&self) -> Option<Buffer> {
        let (headers, _) = self.letter.kept.headers_and_payload();
        (!headers.is_empty()).then(|| Buffer::from(headers))
    }

    /// Its payload as it was encoded.
    #[napi(catch_unwind)]
    pub fn payload(&self) -> Buffer {
        Buffer::from(self.letter.kept.headers_and_payload().1)
    }
}

#[napi]
impl NativeEndpoint {
    /// Says how many dead letters the bus keeps. The limits that it has when they were said otherwise; else nothing.
    #[napi(catch_unwind)]
    pub fn limit_dead_letters(
        &self,
        handle: u32,
        letters: u32,
        bytes: f64,
    ) -> Result<Option<Vec<f64>>> {
        let endpoint = self.endpoint.borrow();
        let wanted = Limits {
            letters,
            bytes: bytes as u64,
        };
        let limited = endpoint.bus(handle)?.dead_letters.limit(wanted);
        Ok(limited
            .err()
            .map(|said| vec![f64::from(said.letters), said.bytes as f64]))
    }

    /// Dead letters behind that one, oldest first, at most so many.
    #[napi(catch_unwind)]
    pub fn dead_letters(
        &self,
        env: Env,
        handle: u32,
        after: f64,
        most: u32,
    ) -> Result<Vec<NativeDeadLetter>> {
        let endpoint = self.endpoint.borrow();
        let dead_letters = &endpoint.bus(handle)?.dead_letters;
        let found = dead_letters.after(after as u64, most as usize, Some(endpoint.id()));
        let letters = found.into_iter();
        let letters: napi::Result<_> = letters
            .map(|letter| NativeDeadLetter::new(&env, letter))
            .collect();
        letters.map_err(internal)
    }

    /// The dead letter of that id.
    #[napi(catch_unwind)]
    pub fn dead_letter(&self, env: Env, handle: u32, id: f64) -> Result<Option<NativeDeadLetter>> {
        let endpoint = self.endpoint.borrow();
        let letter = endpoint.bus(handle)?.dead_letters.get(id as u64);
        let letter = letter.map(|letter| NativeDeadLetter::new(&env, letter));
        letter.transpose().map_err(internal)
    }

    /// Hands a dead letter out again. What came of it.
    #[napi(
        catch_unwind,
        ts_return_type = "'done' | 'not-found' | 'too-often' | 'nobody' | 'full'"
    )]
    pub fn replay_dead_letter(&self, handle: u32, id: f64, force: bool) -> Result<&'static str> {
        let mut endpoint = self.endpoint.borrow_mut();
        let replayed = endpoint.bus(handle)?.replay(id as u64, force);
        endpoint.note_own_mail();
        Ok(match replayed {
            Replay::Done => "done",
            Replay::NotFound => "not-found",
            Replay::TooOften => "too-often",
            Replay::Nobody => "nobody",
            Replay::Full => "full",
        })
    }

    /// Deletes a dead letter. False when it is not there.
    #[napi(catch_unwind)]
    pub fn purge_dead_letter(&self, handle: u32, id: f64) -> Result<bool> {
        let endpoint = self.endpoint.borrow();
        Ok(endpoint.bus(handle)?.dead_letters.purge(id as u64))
    }

    /// The figures of the dead letters.
    #[napi(catch_unwind)]
    pub fn dead_letter_counts(&self, handle: u32) -> Result<NativeLetterCounts> {
        let endpoint = self.endpoint.borrow();
        Ok(endpoint.bus(handle)?.dead_letters.counts().into())
    }

    /// Raises the attention `Letters`, and rings, when dead letters come; or does so no more. The id of the newest one.
    #[napi(catch_unwind)]
    pub fn listen_for_dead_letters(&self, handle: u32, yes: bool) -> Result<f64> {
        let endpoint = self.endpoint.borrow();
        let dead_letters = &endpoint.bus(handle)?.dead_letters;
        endpoint.listen_for_letters(handle, yes)?;
        Ok(dead_letters.last_id() as f64)
    }
}

fn internal(error: napi::Error) -> Error<Code> {
    Error::new(Code::Internal, error.reason.clone())
}
