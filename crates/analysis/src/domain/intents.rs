//! Intents: how they are sent, where they go, and what arrives. Written from the platform's documents on intents and
//! intent filters.

use code::TypeId;
use serde::{Deserialize, Serialize};

use super::{source::Names, text::PatternId};

/// How an intent is sent, or waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Operation {
    /// Starts an activity.
    Activity,
    /// Starts an activity whose result comes back.
    ActivityForResult,
    /// Starts a service.
    Service,
    /// Binds a service.
    Bind,
    /// To every receiver.
    Broadcast,
    /// To receivers inside the app that registered for it.
    LocalBroadcast,
    /// Back to the activity that started this one.
    Result,
    /// From a receiver of an ordered broadcast to those after it.
    PassOn,
    /// A receiver is registered for broadcasts.
    Register,
    /// A receiver is registered for broadcasts inside the app.
    RegisterLocal,
}

impl Operation {
    /// By its name in the knowledge files.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "activity" => Self::Activity,
            "activity_for_result" => Self::ActivityForResult,
            "service" => Self::Service,
            "bind" => Self::Bind,
            "broadcast" => Self::Broadcast,
            "local_broadcast" => Self::LocalBroadcast,
            "result" => Self::Result,
            "pass_on" => Self::PassOn,
            "register" => Self::Register,
            "register_local" => Self::RegisterLocal,
            _ => return None,
        })
    }
}

/// Which intent of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Letter {
    /// The one it was started or called with.
    Intent,
    /// The same where its action is one that only the platform may broadcast.
    OfPlatform,
    /// The one that came back from a component it started.
    Result,
    /// What receivers before it gave on with an ordered broadcast.
    PassedOn,
}

/// Where an intent goes. Each list holds alternatives, except the categories, which all hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Address {
    pub(crate) component: Names,
    pub(crate) package: Names,
    pub(crate) action: Names,
    pub(crate) categories: Names,
    pub(crate) data: Names,
    pub(crate) mime_type: Names,
}

impl Address {
    pub(crate) const fn lists(&self) -> [&Names; 6] {
        [&self.component, &self.package, &self.action, &self.categories, &self.data, &self.mime_type]
    }

    /// The same address with every list changed.
    pub(crate) fn map(&self, mut change: impl FnMut(&Names) -> Names) -> Self {
        Self {
            component: change(&self.component),
            package: change(&self.package),
            action: change(&self.action),
            categories: change(&self.categories),
            data: change(&self.data),
            mime_type: change(&self.mime_type),
        }
    }
}

/// How an intent is sent, whichever it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manner {
    pub(crate) operation: Operation,
    /// Permission that the other side must hold.
    pub(crate) permission: Names,
    /// The component that sends, as far as the code says.
    pub(crate) sender: Option<TypeId>,
}

/// An intent that is sent, with what is under one of its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sending {
    pub(crate) manner: Manner,
    pub(crate) address: Address,
    /// Absent: any key.
    pub(crate) key: Option<PatternId>,
}

impl Sending {
    /// Every text it holds.
    pub(crate) fn names(&self) -> impl Iterator<Item = &PatternId> {
        self.address.lists().into_iter().flatten().chain(&self.manner.permission)
    }
}

/// A receiver that is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Enrolment {
    pub(crate) manner: Manner,
    pub(crate) receiver: TypeId,
    /// Actions, categories, schemes, hosts, paths, types.
    pub(crate) filter: [Names; 6],
}
