//! Plain values that every layer shares. No sockets, files, clocks or async here.

pub mod alert;
pub mod calendar;
pub mod detector;
pub mod device;
pub mod discovery;
pub mod field;
pub mod finding;
pub mod hearing;
pub mod id;
pub mod incident;
pub mod inventory;
pub mod maintenance;
pub mod observation;
pub mod plan;
pub mod port;
pub mod secret;
pub mod summary;
pub mod time;
pub mod waiver;
pub mod walk;
pub mod wire;

pub use alert::{Alert, AlertKey, AlertState, Severity};
pub use calendar::Calendar;
pub use field::{Field, FieldType, KindSchema, Table, TableOn};
pub use id::{
    AgentId, AssetId, BadId, CalendarId, LinkId, Object, ObjectKind, OrganisationId, PersonId, ProbeId, ProblemId,
    ProfileId, RegionId, RuleId, SystemId, ZoneId,
};
pub use observation::{Cause, Observation, Outcome, Purpose, Row, Tally, Value};
pub use secret::{Secret, SecretText};
pub use summary::{Histogram, Summary};
pub use time::{Mono, Now, Wall};
