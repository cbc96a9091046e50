# What an account meets that is not root. Debian's sshd gives an ordinary account no /usr/sbin in its PATH.
ordinary=/usr/local/bin:/usr/bin:/bin:/usr/games

# as ACCOUNT WORD…
as() {
	setpriv --reuid "$1" --regid ldapusers --clear-groups \
		env -i "HOME=/home/$1" "USER=$1" "LOGNAME=$1" "PATH=$ordinary" sh -c 'cd && exec "$@"' sh "${@:2}"
}

record xl-4.17-acue-list-no-path-dash as acue dash -c 'xl list'
record xl-4.17-acue-list-no-path-bash as acue bash -c 'xl list'
record xl-4.17-acue-list as acue /usr/sbin/xl list
record xl-4.17-acue-list-l as acue /usr/sbin/xl list -l
record xl-4.17-acue-info as acue /usr/sbin/xl info
record xl-4.17-acue-domid as acue /usr/sbin/xl domid tst100
record xl-4.17-acue-create as acue /usr/sbin/xl create xen/tst-ctys/tst100/tst100.conf
record xl-4.17-acue-create-dry-run as acue /usr/sbin/xl -N create xen/tst-ctys/tst100/tst100.conf
record xl-4.17-acue-create-locked as acue /usr/sbin/xl create odd/locked/locked.conf
record xl-4.17-acue-destroy as acue /usr/sbin/xl destroy tst100
record xl-4.17-acue-uptime as acue /usr/sbin/xl uptime
record xl-4.17-acue-console as acue /usr/sbin/xl console tst100
record xenstore-4.17-acue-ls as acue xenstore-ls /local/domain
record sudo-1.9-acue-xl-list as acue sudo -n xl list
record sudo-1.9-chkusr-xl-list as chkusr sudo -n xl list
record sudo-1.9-chkusr-xl-list-path as chkusr sudo -n /usr/sbin/xl list
record doas-6.8-acue-xl-list as acue doas -n xl list
record doas-6.8-acue-xl-list-path as acue doas -n /usr/sbin/xl list
record doas-6.8-chkusr-xl-list as chkusr doas -n /usr/sbin/xl list
record ls-9.1-acue-locked as acue ls -l odd/locked odd/sealed
record cat-9.1-acue-locked as acue cat odd/locked/locked.conf
record find-4.9-acue-conf as acue find . -name '*.conf'
