# Domains in all their states.

# What is seen while a domain is made: rows without a name, and a domain that is paused.
: >"$captures/xl-4.17-list-while-creating.out"
xl create -q "$tst101" >/dev/null &
while kill -0 $! 2>/dev/null; do
	watch_list while-creating
	xl list -l >/tmp/seen 2>&1 || true
	if [ "$(wc -l </tmp/seen)" -gt 30 ]; then cp /tmp/seen "$captures/xl-4.17-list-l-while-creating.out"; fi
done
wait $!
destroy tst101

record xl-4.17-create-paused xl create -p "$tst104"
xl_state paused
record xl-4.17-uptime-paused xl uptime
record xl-4.17-save-paused xl save tst104 /tmp/paused.state
xl_state after-save-of-paused
record xl-4.17-restore-paused xl restore /tmp/paused.state
xl_state after-restore-of-paused
xl list | grep -q tst104 && destroy tst104

record xl-4.17-create xl create "$tst100"
record xl-4.17-create-quiet xl create -q "$tst101"
xl_state two-guests
record xl-4.17-list-l-one xl list -l tst100
record xl-4.17-list-one xl list tst100
record xl-4.17-vm-list xl vm-list
record xl-4.17-uptime xl uptime
record xl-4.17-uptime-s xl uptime -s
record xl-4.17-uptime-one xl uptime tst100
record xl-4.17-domid xl domid tst100
record xl-4.17-domname xl domname "$(xl domid tst100)"
record xl-4.17-network-list xl network-list tst100
record xl-4.17-block-list-none xl block-list tst100
record xl-4.17-vcpu-list xl vcpu-list
record xl-4.17-vncviewer-no-program xl vncviewer tst100
record xl-4.17-vncviewer-no-vfb xl vncviewer tst101
record xenstore-4.17-ls-two-guests xenstore-ls /local/domain
record xenstore-4.17-ls-f-two-guests xenstore-ls -f
record xenstore-4.17-vnc-port xenstore-read "/local/domain/$(xl domid tst100)/console/vnc-port"
record xenstore-4.17-vnc-port-no-vfb xenstore-read "/local/domain/$(xl domid tst101)/console/vnc-port"
record ss-6.1-two-guests ss -Hlntp
record ps-4.0-two-guests ps -eo pid,ppid,args

record xl-4.17-create-twice xl create "$tst100"
record xl-4.17-create-same-uuid xl create "$tst100" 'name="copy"'
xl_state after-create-of-same-uuid
if xl domid copy >/dev/null 2>&1; then destroy copy; fi
record xl-4.17-unpause-running xl unpause tst100
record xl-4.17-trigger-pv xl trigger tst100 reset
record xl-4.17-sysrq xl sysrq tst100 h
record xl-4.17-rename-taken xl rename tst100 tst101
record xl-4.17-save-no-folder xl save tst100 /nowhere/tst100.state
xl_state after-failed-save
until_list '^tst100 .* [r-][b-]---- '

record xl-4.17-pause xl pause tst100
record xl-4.17-pause-twice xl pause tst100
xl_state one-paused
record xl-4.17-shutdown-paused xl shutdown tst100
record xl-4.17-unpause-once xl unpause tst100
xl_state paused-twice-unpaused-once
record xl-4.17-unpause xl unpause tst100
until_gone tst100
xl_state after-shutdown-of-paused

create "$tst100"
until ping -c1 -W1 192.168.1.220 >/dev/null; do sleep 0.2; done
xl rename tst100 'two words'
xl_state name-with-blanks
record xl-4.17-domid-with-blanks xl domid 'two words'
record xl-4.17-list-one-with-blanks xl list 'two words'
record xl-4.17-uptime-with-blanks xl uptime
xl rename 'two words' "a-name-of-more-than-forty-characters-as-somebody-will-have-one"
xl_state long-name
xl rename "a-name-of-more-than-forty-characters-as-somebody-will-have-one" $'name\twith\nlines'
xl_state name-with-lines
xl rename $'name\twith\nlines' 5
xl_state name-number
record xl-4.17-domid-number xl domid 5
record xl-4.17-list-number xl list 5
xl rename "$(xl list | awk '$1 == "5" { print $2 }')" 'café'
xl_state name-utf-8
xl rename café tst100

record xl-4.17-save xl save tst100 /tmp/tst100.state
xl_state after-save
ls -l /tmp/tst100.state >"$captures/ls-9.1-state-file.out"
head -c 2048 /tmp/tst100.state >"$captures/xl-4.17-state-file-head.bin"
record xl-4.17-restore xl restore /tmp/tst100.state
xl_state after-restore
record xl-4.17-restore-running xl restore /tmp/tst100.state
xl_state after-restore-of-running
record xl-4.17-save-keep xl save -c tst100 /tmp/tst100.kept
xl_state after-save-keep
record xl-4.17-save-pause xl save -p tst100 /tmp/tst100.paused
xl_state after-save-pause
destroy tst100
record xl-4.17-restore-with-config xl restore "$tst100" /tmp/tst100.state
record xl-4.17-restore-paused-option sh -c 'xl destroy tst100 && sleep 3 && xl restore -p /tmp/tst100.state'
xl_state after-restore-paused-option
xl unpause tst100
# A state file that was cut off, as after a full disk.
destroy tst100
head -c 3000000 /tmp/tst100.state >/tmp/cut.state
record xl-4.17-restore-cut xl restore /tmp/cut.state
xl_state after-restore-of-cut
rm -f /tmp/*.state /tmp/tst100.*

create "$tst100"
until ping -c1 -W1 192.168.1.220 >/dev/null; do sleep 0.2; done
xl domid tst100 >"$captures/xl-4.17-domid-before-reboot.out"
record xl-4.17-reboot xl reboot tst100
old=$(cat "$captures/xl-4.17-domid-before-reboot.out")
until watch_list while-rebooting && ! grep -Eq " $old  " /tmp/seen && grep -Eq '^tst100 .* -b---- ' /tmp/seen; do :; done
xl_state after-reboot
until ping -c1 -W1 192.168.1.220 >/dev/null; do sleep 0.2; done
record xl-4.17-shutdown xl shutdown tst100
while xl domid tst100 >/dev/null 2>&1; do watch_list while-shutting-down; done
watch_list while-shutting-down
destroy tst101

# A guest that nobody watches: without its xl daemon nobody clears it away.
create -e "$tst104"
until ping -c1 -W1 192.168.1.224 >/dev/null; do sleep 0.2; done
record xl-4.17-shutdown-wait-unwatched timeout 20 xl shutdown -w tst104
xl_state unwatched-off
destroy tst104

create odd/crashed/crashed.conf
until_list '^crashed .*c-* +[0-9.]+$'
xl_state crashed
record xl-4.17-unpause-crashed xl unpause crashed
record xl-4.17-save-crashed timeout 100 xl save crashed /tmp/crashed.state
record xl-4.17-uptime-crashed xl uptime
xl pause crashed
xl_state crashed-and-paused
record xl-4.17-destroy xl destroy crashed
until_gone crashed

create odd/kept/kept.conf
until_list '^kept .* --?-s-- '
xl_state kept
record xl-4.17-create-kept xl create odd/kept/kept.conf
record xl-4.17-reboot-kept timeout 100 xl reboot kept
destroy kept

record xl-4.17-create-cards xl create odd/cards/cards.conf
xl_state cards
record xl-4.17-network-list-cards xl network-list cards
destroy cards
record xl-4.17-create-disk xl create odd/disk/disk.conf
record xl-4.17-list-l-disk xl list -l
record xl-4.17-block-list xl block-list disk
destroy disk
record xl-4.17-create-quotes xl create "odd/it's a \"lab\" \$HOME/odd one.conf"
xl_state quotes
destroy odd-one
create "$tst104" 'type="pvh"'
xl_state pvh
destroy tst104
