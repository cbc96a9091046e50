//! The tables of the manual's XEN page, byte for byte, from records.
//!
//! The page was printed with narrower columns than the defaults; the widths here are those of ctys-original.md 4.5.
//! Three of its rule lines are shorter than its rows (13 dashes for a column of 15, 5 and 9 for one of 10); here every
//! line of a table has one width.

use ctys_model::Record;
use ctys_model::field::Known;
use ctys_table::{AddressForm, Column, Format, Numbering, Presentation, Printer, Style, parse_widths};

fn record(pm: &str, session_type: &str, label: &str, side: &str) -> Record {
    Record::new(session_type).with(Known::Pm, pm).with(Known::Label, label).with(Known::Side, side)
}

fn owned(record: Record, user: &str, group: &str) -> Record {
    record.with(Known::User, user).with(Known::Group, group)
}

fn machine(pm: &str, label: &str, tcp: &str) -> Record {
    record(pm, "PM", label, "SERVER").with(Known::Tcp, tcp)
}

fn guest(label: &str) -> Record {
    record("lab00.soho", "XEN", label, "SERVER").with(Known::Tcp, label)
}

fn client_host() -> Vec<Record> {
    vec![
        owned(record("ws2.soho", "VNC", "tst100", "CLIENT"), "acue", "ldapusers"),
        machine("ws2.soho", "ws2", "ws2.soho."),
        owned(record("ws2.soho", "SSH(XEN)", "tst100", "TUNNEL"), "acue", "ldapusers"),
    ]
}

fn domain_0() -> Record {
    record("lab00.soho", "XEN", "Domain-0", "SERVER")
}

fn server_host() -> Vec<Record> {
    vec![domain_0(), guest("tst100"), machine("lab00.soho", "lab00", "lab00.soho.")]
}

fn desktops() -> Vec<Record> {
    let desktop = |side| owned(record("lab00.soho", "VNC", "LAB00", side), "root", "root");
    vec![desktop("CLIENT"), desktop("SERVER")]
}

fn print(presentation: &Presentation, blocks: &[Vec<Record>]) -> String {
    let mut printer = Printer::new(presentation.clone(), Style::default());
    let mut text: String = blocks.iter().map(|block| printer.block(block)).collect();
    text.push_str(&printer.finish());
    text
}

fn tab_tcp(widths: &str) -> Presentation {
    let widths = if widths.is_empty() { Vec::new() } else { parse_widths(widths, 7).unwrap() };
    let plain = Presentation::new(Numbering::List, Format::TabTcp(widths));
    Presentation { address: Some(AddressForm::Dns), ..plain }
}

/// The lines of a page, without the indentation that the page adds.
fn page(text: &str) -> String {
    text.lines().skip(1).map(|line| line.strip_prefix("      ").unwrap_or(line).to_string() + "\n").collect()
}

#[track_caller]
fn check(presentation: &Presentation, blocks: &[Vec<Record>], expected: &str) {
    assert_eq!(print(presentation, blocks), page(expected));
}

#[test]
fn list_on_the_client() {
    // The page's group column has 10 places, one more than its content; so the widths are given here.
    check(
        &tab_tcp("14%10%8%8%1%5%10"),
        &[client_host()],
        r"
      TCP-container |TCP-guest |label   |sesstype|c|user |group     
      --------------+----------+--------+--------+-+-----+----------
      ws2.soho      |-         |tst100  |VNC     |C|acue |ldapusers 
      ws2.soho      |ws2.soho. |ws2     |PM      |S|-    |-         
      ws2.soho      |-         |tst100  |SSH(XEN)|T|acue |ldapusers ",
    );
}

#[test]
fn list_on_client_and_server() {
    check(
        &tab_tcp("14%%11%%8%%8%%1%%5%%10"),
        &[client_host(), server_host()],
        r"
      TCP-container |TCP-guest  |label   |sesstype|c|user |group     
      --------------+-----------+--------+--------+-+-----+----------
      ws2.soho      |-          |tst100  |VNC     |C|acue |ldapusers 
      ws2.soho      |ws2.soho.  |ws2     |PM      |S|-    |-         
      ws2.soho      |-          |tst100  |SSH(XEN)|T|acue |ldapusers 
      lab00.soho    |-          |Domain-0|XEN     |S|-    |-         
      lab00.soho    |tst100     |tst100  |XEN     |S|-    |-         
      lab00.soho    |lab00.soho.|lab00   |PM      |S|-    |-         ",
    );
}

#[test]
fn list_on_the_server() {
    let mut rows = desktops();
    rows.extend([domain_0(), guest("tst100"), guest("tst101"), machine("lab00.soho", "lab00", "lab00.soho.")]);
    check(
        &tab_tcp("13%11%8%8%1%4%10"),
        &[rows],
        r"
      TCP-container|TCP-guest  |label   |sesstype|c|user|group     
      -------------+-----------+--------+--------+-+----+----------
      lab00.soho   |-          |LAB00   |VNC     |C|root|root      
      lab00.soho   |-          |LAB00   |VNC     |S|root|root      
      lab00.soho   |-          |Domain-0|XEN     |S|-   |-         
      lab00.soho   |tst100     |tst100  |XEN     |S|-   |-         
      lab00.soho   |tst101     |tst101  |XEN     |S|-   |-         
      lab00.soho   |lab00.soho.|lab00   |PM      |S|-   |-         ",
    );
}

#[test]
fn list_of_two_hosts_with_a_viewer_on_the_server() {
    let mut rows = vec![owned(record("lab00.soho", "VNC", "tst101", "CLIENT"), "acue", "ldapusers")];
    rows.extend(desktops());
    rows.extend([domain_0(), guest("tst100"), guest("tst101"), machine("lab00.soho", "lab00", "lab00.soho.")]);
    check(
        &tab_tcp("13%11%8%8%1%4%10"),
        &[client_host(), rows],
        r"
      TCP-container|TCP-guest  |label   |sesstype|c|user|group     
      -------------+-----------+--------+--------+-+----+----------
      ws2.soho     |-          |tst100  |VNC     |C|acue|ldapusers 
      ws2.soho     |ws2.soho.  |ws2     |PM      |S|-   |-         
      ws2.soho     |-          |tst100  |SSH(XEN)|T|acue|ldapusers 
      lab00.soho   |-          |tst101  |VNC     |C|acue|ldapusers 
      lab00.soho   |-          |LAB00   |VNC     |C|root|root      
      lab00.soho   |-          |LAB00   |VNC     |S|root|root      
      lab00.soho   |-          |Domain-0|XEN     |S|-   |-         
      lab00.soho   |tst100     |tst100  |XEN     |S|-   |-         
      lab00.soho   |tst101     |tst101  |XEN     |S|-   |-         
      lab00.soho   |lab00.soho.|lab00   |PM      |S|-   |-         ",
    );
}

#[test]
fn without_widths_the_table_shrinks_to_its_content() {
    check(
        &tab_tcp(""),
        &[client_host(), server_host()],
        r"
      TCP-container|TCP-guest  |label   |sesstype|c|user|group    
      -------------+-----------+--------+--------+-+----+---------
      ws2.soho     |-          |tst100  |VNC     |C|acue|ldapusers
      ws2.soho     |ws2.soho.  |ws2     |PM      |S|-   |-        
      ws2.soho     |-          |tst100  |SSH(XEN)|T|acue|ldapusers
      lab00.soho   |-          |Domain-0|XEN     |S|-   |-        
      lab00.soho   |tst100     |tst100  |XEN     |S|-   |-        
      lab00.soho   |lab00.soho.|lab00   |PM      |S|-   |-        ",
    );
}

fn tab_gen(columns: &str, numbering: Numbering) -> Presentation {
    Presentation::new(numbering, Format::TabGen(Column::parse_list(columns, numbering).unwrap()))
}

#[test]
fn list_of_ports_and_addresses() {
    let port = |record: Record, port: i64| record.with(Known::Cport, ctys_model::Value::Number(port));
    let bare = |pm: &str, session_type: &str, label: &str| record(pm, session_type, label, "");
    let own =
        |pm: &str, label: &str, mac: &str, tcp: &str| bare(pm, "PM", label).with(Known::Mac, mac).with(Known::Tcp, tcp);
    let xen = |label: &str, mac: &str| bare("lab00.soho", "XEN", label).with(Known::Mac, mac);
    check(
        &tab_gen("3_Label_10%%2_stype_8%%9_cport_5%%1_PM_10%%6_MAC_17%%7_TCP_15", Numbering::List),
        &[
            vec![
                bare("ws2.soho", "VNC", "tst100"),
                own("ws2.soho", "ws2", "00:1D:60:A5:89:06", "192.168.1.70"),
                port(bare("ws2.soho", "SSH(XEN)", "tst100"), 5950),
            ],
            vec![
                bare("lab00.soho", "VNC", "tst101"),
                bare("lab00.soho", "VNC", "LAB00"),
                port(bare("lab00.soho", "VNC", "LAB00"), 5901),
                bare("lab00.soho", "XEN", "Domain-0"),
                port(xen("tst100", "00:50:56:13:11:40"), 5900),
                port(xen("tst101", "00:50:56:13:11:41"), 5902),
                own("lab00.soho", "lab00", "00:0E:0C:35:F8:48", "192.168.1.71"),
            ],
        ],
        r"
      Label     |stype   |cport|PM        |MAC              |TCP            
      ----------+--------+-----+----------+-----------------+---------------
      tst100    |VNC     |     |ws2.soho  |                 |               
      ws2       |PM      |     |ws2.soho  |00:1D:60:A5:89:06|192.168.1.70   
      tst100    |SSH(XEN)|5950 |ws2.soho  |                 |               
      tst101    |VNC     |     |lab00.soho|                 |               
      LAB00     |VNC     |     |lab00.soho|                 |               
      LAB00     |VNC     |5901 |lab00.soho|                 |               
      Domain-0  |XEN     |     |lab00.soho|                 |               
      tst100    |XEN     |5900 |lab00.soho|00:50:56:13:11:40|               
      tst101    |XEN     |5902 |lab00.soho|00:50:56:13:11:41|               
      lab00     |PM      |     |lab00.soho|00:0E:0C:35:F8:48|192.168.1.71   ",
    );
}

#[test]
fn enumeration_of_ports_and_addresses() {
    let host = |pm: &str, own: [&str; 3]| {
        let guest = |number: u8| {
            Record::new("XEN")
                .with(Known::Pm, pm)
                .with(Known::Label, format!("tst10{number}"))
                .with(Known::Mac, format!("00:50:56:13:11:4{number}"))
                .with(Known::Tcp, format!("192.168.1.22{number}"))
        };
        let machine = Record::new("PM").with(Known::Pm, pm).with(Known::Label, own[0]);
        vec![guest(0), guest(1), guest(4), machine.with(Known::Mac, own[1]).with(Known::Tcp, own[2])]
    };
    check(
        &tab_gen("3_Label_6%%2_stype_5%%9_cport_5%%1_PM_10%%6_MAC_17%%7_TCP_15", Numbering::Enumerate),
        &[
            host("ws2.soho", ["ws2", "00:1D:60:A5:89:06", "192.168.1.70"]),
            host("lab00.soho", ["lab00", "00:0E:0C:35:F8:48", "192.168.1.71"]),
        ],
        r"
      Label |stype|cport|PM        |MAC              |TCP            
      ------+-----+-----+----------+-----------------+---------------
      tst100|XEN  |     |ws2.soho  |00:50:56:13:11:40|192.168.1.220  
      tst101|XEN  |     |ws2.soho  |00:50:56:13:11:41|192.168.1.221  
      tst104|XEN  |     |ws2.soho  |00:50:56:13:11:44|192.168.1.224  
      ws2   |PM   |     |ws2.soho  |00:1D:60:A5:89:06|192.168.1.70   
      tst100|XEN  |     |lab00.soho|00:50:56:13:11:40|192.168.1.220  
      tst101|XEN  |     |lab00.soho|00:50:56:13:11:41|192.168.1.221  
      tst104|XEN  |     |lab00.soho|00:50:56:13:11:44|192.168.1.224  
      lab00 |PM   |     |lab00.soho|00:0E:0C:35:F8:48|192.168.1.71   ",
    );
}
