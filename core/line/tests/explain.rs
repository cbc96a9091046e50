//! A call written out means the same when it is read again.

mod common;

use common::*;
use ctys_line::explain;

/// Writes the call out and reads it again: equal jobs, looks and control.
#[track_caller]
fn round(texts: &Texts, line: &str) -> String {
    let call = right_with(texts, line);
    let written = explain(&call);
    let again = right_with(texts, written.strip_prefix("ctys ").unwrap());
    assert_eq!(again.jobs, call.jobs, "{line}\n{written}");
    assert_eq!((again.presentation, again.header), (call.presentation, call.header), "{line}\n{written}");
    assert_eq!(
        (again.control.detach, again.control.sequential),
        (call.control.detach, call.control.sequential),
        "{written}"
    );
    assert_eq!(again.call, call.call, "{line}\n{written}");
    written
}

#[test]
fn every_call_of_the_seed_can_be_written_out() {
    for block in include_str!("data/seed-calls.txt").split("\n\n").filter(|block| block.starts_with("ctys")) {
        let line: Vec<&str> = block.lines().filter(|line| !line.starts_with("= ")).collect();
        round(&Texts::default(), &line.join("\n").replacen("ctys ", "", 1).replace("$HOME", "/homen/acue"));
    }
}

#[test]
fn what_would_harm_a_terminal_is_written_out_as_a_shell_reads_it() {
    let call = right("-t xen -a cancel=l:a\u{1b}[2Jit\u{202e} h");
    assert_eq!(explain(&call), "ctys -t XEN -a $'CANCEL=L:a\\x1b[2Jit\\xe2\\x80\\xae' h");
    let call = right("-t xen -a \"cancel=l:it's\u{7}\" h");
    assert_eq!(explain(&call), "ctys -t XEN -a $'CANCEL=L:it\\'s\\x07' h");
}

#[test]
fn the_classic_form() {
    let texts = Texts::default().with_group("lab", "lab00 lab01'(-Z KSU)'\n");
    for (line, written) in [
        ("-a list", "ctys -a LIST=TAB_TCP,DNS localhost"),
        ("-t xen -a list lab00", "ctys -t XEN -a LIST=TAB_TCP,DNS lab00"),
        ("-t xen -a list=label lab00'(-Z sudo)' lab01", "ctys -t XEN -a LIST=LABEL 'lab00(-Z SUDO)' lab01"),
        ("-a show lab", "ctys -a SHOW lab00 'lab01(-Z KSU)'"),
        ("-a info --output json lab00", "ctys --output JSON -a INFO lab00"),
        ("-t xen -a create=l:a,console:cli h", "ctys -t XEN -z 2 -a CREATE=L:a,CONSOLE:CLI h"),
        ("-t xen h'(-a create=l:a)'", "ctys -t XEN 'h(-a CREATE=L:a)'"),
        ("-d 1 -a list=csv '(-d 2)' a b", "ctys -d 1 -a LIST=CSV 'a(-d 2)' 'b(-d 2)'"),
    ] {
        assert_eq!(round(&texts, line), written, "{line}");
    }
}

#[test]
fn every_kind_of_call_can_be_written_out() {
    let texts = Texts::default().with_group("lab", "lab00 lab01'(-Z KSU)' lab00\n");
    for line in [
        "-a list=machine,if,titleidxasc,sort:each%unique%reverse%3,pkg:xen%pm lab",
        "-a list=all,pid,ip lab00",
        "-a list=client,user:acue,tab_tcp:5%%%%7 [::1]:22 u@[fe80::1] v@lab00:22",
        "-a list=tab_gen:3_a::b_5_L%%7_c,,d_6_B,json lab00",
        "-a list=spec_gen:3_a_5_L%%7_c_6_B lab00'(-d 3 -a show)' lab01",
        "-a list=tab_gen:3_a::b_5_L%%7_c,,d_6_B lab00",
        "-a enumerate=b:xen%/a%%b,matchvstat:active%custom%odd,label,if lab00",
        "-a enumerate=machine,label lab00",
        "-t qemu -a create=id:/a%b,l:x,u:6842CAF9-1e3e-4324-9ed5-96b8b9f2c5c2,t:fe80::1,m:00:50:56:13:11:4a,b:/a%b,dr:7,user:root%pw,\
         bootmode:kernel%/vm%%linuz,instmode:cd%/x.iso%hdd%/y%init,ping:20%2,sshping:on,stackcheck:nohwcap%stackcap,waitc:1,waits:2,\
         callopts:-a%b,xopts:-c,cd:/tmp,stub:on,s:bash,cmd:uname%-a%a::b%c,,d%100%%,vdil:1%2,argsadd:c%-x,kernel:/k,reuse lab00",
        "-t pm -a create=wol:3,broadcast:192.168.1.255,bmac:00:50:56:13:11:40,port:9 lab00",
        "-t xen -a cancel=l:x,init:3,self,both,timeout:5,user:u lab00'(-t pm -a cancel=wol,if:eth0,force)'",
        "-t xen -a cancel=all,s5 lab00",
        "-t xen -a isactive=/a lab00'(-a getclientport=x,/y)'",
        "-n -X -vv -q -y -p /a,/b -d 6 --window 8 --connect-timeout 5 --silence-timeout 1500ms --transport ssh2 --record 'a b' -a list h",
        "-a info h'(-A 1 -c LOCAL,ONLY -C on,fin::,lifetime:5 -D :1 -f -g 5x5 -L so -O a%b -r 5x6 -s USRLST=a,b -S on,3 -T xen -W 3 -x star -Y -z 0 -Z ALL -k REUSE:1)'",
        "-a info h\"(-M 'it has (blanks)')\"",
        "-t xen -a create=l:x,CONSOLE:none,stackcheck:off VMSTACK{'p(-t pm -a create=wol)' a b} VMSTACK{c} d",
        "-- '(-Z KSU)' a'(-t xen -a create=l:x)' b'(-a list=json)'",
        "-b 0,3 -t xen -a create=l:x lab00",
        "-a list=csv lab00'(-a show)' lab01'(-a info)'",
        "-t xen -a create=f:x lab00'(-a list=csv)' lab01'(-a info)'",
        "-a list=csv lab00'(-a list=csv)' lab01",
    ] {
        round(&texts, line);
    }
}
