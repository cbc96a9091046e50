//! Machine addresses (ctys.md section 3).

use serde::{Deserialize, Serialize};

/// What names a machine or session in CREATE and CANCEL. Every part that is given is one more constraint.
///
/// LABEL, UUID, MAC and TCP match exactly (UUID with or without dashes, any case; MAC in any case); only
/// [`file_name`](Self::file_name) matches a fragment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MachineAddress {
    /// `ID|I` or `PATHNAME|PNAME|P`: absolute path of the configuration; display number or process id for desktops.
    pub id: Option<String>,
    /// `FILENAME|FNAME|F`: any fragment of the path of the configuration.
    pub file_name: Option<String>,
    /// `LABEL|L`.
    pub label: Option<String>,
    /// `UUID|U`, 32 lower-case hexadecimal digits without dashes.
    pub uuid: Option<String>,
    /// `MAC|M`, upper case with colons.
    pub mac: Option<String>,
    /// `TCP|T`: address or name.
    pub tcp: Option<String>,
    /// `BASEPATH|BASE|B`: where to look; never an address alone.
    pub base: Vec<String>,
    /// `DBRECORD|DBREC|DR`: record number in the database; overrules all other parts.
    pub db_record: Option<u64>,
}

impl MachineAddress {
    /// True when no part is given that could name a machine.
    pub fn is_empty(&self) -> bool {
        let MachineAddress { id, file_name, label, uuid, mac, tcp, base: _, db_record } = self;
        id.is_none()
            && file_name.is_none()
            && label.is_none()
            && uuid.is_none()
            && mac.is_none()
            && tcp.is_none()
            && db_record.is_none()
    }
}
