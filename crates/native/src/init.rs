//! Services of init scripts (`init*.rc`): what the system starts, as whom, and with which sockets. Written from the platform's document
//! "Android Init Language" (system/core/init/README.md).

/// Most services of one script, and longest line; the longest script of the platform has some hundred services.
const SERVICES_MAX: usize = 4096;

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// The program.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Whom it runs as; root if the script does not say.
    pub user: Option<String>,
    /// Groups it is in.
    pub groups: Vec<String>,
    /// Sockets that are made for it in `/dev/socket`.
    pub sockets: Vec<Socket>,
    /// Label it runs under.
    pub label: Option<String>,
    /// Whether something must start it by name.
    pub is_disabled: bool,
    /// Where the service begins, in the script.
    pub offset: u64,
}

/// A socket of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    /// Its name below `/dev/socket`.
    pub name: String,
    /// `stream`, `dgram` or `seqpacket`.
    pub kind: String,
    /// Its mode in octal, as written.
    pub mode: String,
}

impl Service {
    /// Whether it runs as the superuser.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.user.as_deref().is_none_or(|user| user == "root")
    }
}

/// The services of a script, in its order.
#[must_use]
pub fn services(script: &[u8]) -> Vec<Service> {
    let mut services: Vec<Service> = Vec::new();
    let mut is_in_service = false;
    let mut offset = 0_u64;
    for line in script.split(|&byte| byte == b'\n') {
        let start = offset;
        offset = offset.saturating_add(line.len() as u64).saturating_add(1);
        let line = String::from_utf8_lossy(line);
        let words: Vec<&str> = line.split_whitespace().take_while(|word| !word.starts_with('#')).collect();
        match words.as_slice() {
            ["service", name, program, arguments @ ..] if services.len() < SERVICES_MAX => {
                is_in_service = true;
                let (name, program) = ((*name).to_owned(), (*program).to_owned());
                let arguments = arguments.iter().map(|&word| word.to_owned()).collect();
                services.push(Service { name, program, arguments, offset: start, ..Service::default() });
            }
            ["on" | "import" | "service", ..] => is_in_service = false,
            [option, values @ ..] if is_in_service => {
                if let Some(service) = services.last_mut() {
                    service.option(option, values);
                }
            }
            _ => {}
        }
    }
    services
}

impl Service {
    fn option(&mut self, option: &str, values: &[&str]) {
        match (option, values) {
            ("user", [user, ..]) => self.user = Some((*user).to_owned()),
            ("group", groups) => self.groups = groups.iter().map(|&group| group.to_owned()).collect(),
            ("seclabel", [label, ..]) => self.label = Some((*label).to_owned()),
            ("disabled", _) => self.is_disabled = true,
            ("socket", [name, kind, mode, ..]) => {
                let [name, kind, mode] = [name, kind, mode].map(|&word| word.to_owned());
                self.sockets.push(Socket { name, kind, mode });
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_with_users_and_sockets_are_read_and_actions_are_not() {
        let script = b"import /init.usb.rc\n\non boot\n    mkdir /data/x 0771 system system\n    user nobody\n\
            service first /system/bin/first --listen # remark\n    class main\n    user system\n    group inet net_raw\n\
            \x20   socket commands stream 666 system system\n    disabled\nservice second /sbin/second\n    oneshot\n";
        let found = services(script);
        let [first, second] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((first.name.as_str(), first.program.as_str()), ("first", "/system/bin/first"));
        assert_eq!(first.arguments, ["--listen"]);
        assert!(!first.is_root() && first.is_disabled && second.is_root());
        assert_eq!(first.groups, ["inet", "net_raw"]);
        let socket = Socket { name: "commands".to_owned(), kind: "stream".to_owned(), mode: "666".to_owned() };
        assert_eq!(first.sockets, [socket]);
        assert_eq!(usize::try_from(first.offset).ok(), script.windows(7).position(|window| window == b"service"));
    }
}
