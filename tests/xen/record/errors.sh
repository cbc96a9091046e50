# Refusals, with nothing running.
xl_state idle
record xl-4.17-info xl info
record xl-4.17-info-n xl info -n
record xl-4.17-uptime-idle xl uptime
record xl-4.17-vm-list-idle xl vm-list
record xl-4.17-help xl help
record xl-4.17-no-verb xl
record xl-4.17-unknown-verb xl nonsense
record xl-4.17-unknown-option xl list --nonsense
record xenstore-4.17-ls-idle xenstore-ls /local/domain
record xenstore-4.17-ls-f-idle xenstore-ls -f
record xenstore-4.17-ls-absent xenstore-ls /local/domain/99
record xenstore-4.17-read-absent xenstore-read /local/domain/99/console/vnc-port

for verb in list 'list -l' domid destroy shutdown reboot pause unpause uptime console vncviewer network-list block-list vcpu-list; do
	# shellcheck disable=SC2086
	record "xl-4.17-${verb// -/-}-absent" xl $verb absent
done
record xl-4.17-save-absent xl save absent /tmp/absent.state
record xl-4.17-rename-absent xl rename absent other
record xl-4.17-sysrq-absent xl sysrq absent s
record xl-4.17-trigger-absent xl trigger absent reset
record xl-4.17-domname-absent xl domname 99
record xl-4.17-list-absent-number xl list 99
record xl-4.17-destroy-absent-number xl destroy 99
record xl-4.17-domid-domain-0 xl domid Domain-0
record xl-4.17-domname-0 xl domname 0
record xl-4.17-list-l-domain-0 xl list -l Domain-0
record xl-4.17-destroy-domain-0 xl destroy Domain-0
record xl-4.17-save-domain-0 xl save Domain-0 /tmp/0.state

record xl-4.17-create-no-file xl create /nowhere/x.conf
record xl-4.17-create-folder xl create xen
record xl-4.17-create-nothing xl create
for name in broken no-kernel no-bridge too-big; do
	record "xl-4.17-create-$name" xl create "odd/$name/$name.conf"
done
# An image instead of a configuration, and a configuration without the one thing every domain needs.
head -c 3000 /var/lib/ctys-test/vmlinux >/tmp/binary.conf
record xl-4.17-create-binary xl create /tmp/binary.conf
echo 'memory = 64' >/tmp/nameless.conf
record xl-4.17-create-nameless xl create /tmp/nameless.conf
: >/tmp/empty.conf
record xl-4.17-create-empty xl create /tmp/empty.conf

record xl-4.17-restore-no-file xl restore /nowhere/x.state
cp xen/tst-ctys/tst100/tst100.conf /tmp/garbage.state
record xl-4.17-restore-garbage xl restore /tmp/garbage.state
: >/tmp/empty.state
record xl-4.17-restore-empty xl restore /tmp/empty.state
xl_state after-refusals
