# Sourced by first-run and full-test: what has to be installed on Debian 12.

export DEBIAN_FRONTEND=noninteractive

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# missing PACKAGE…: those that are not installed.
missing() {
	for package; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || printf ' %s' "$package"
	done
}

# need PACKAGE…: installs those that are missing; apt is asked only when one is. A second time for what the first one removed: where
# a newer qemu-utils was there, of backports, it gives way to the qemu-system-x86 of bookworm.
need() {
	install_missing "$@" && install_missing "$@"
}

install_missing() {
	missing=$(missing "$@")
	[ -z "$missing" ] && return
	if [ -z "${apt_updated:-}" ]; then
		as_root apt-get update -q
		apt_updated=1
	fi
	# sshd and the like are installed for their programs; none of them is to be started.
	made=$(as_root sh -c 'test -e /usr/sbin/policy-rc.d || { printf "#!/bin/sh\nexit 101\n" >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d && echo made; }')
	[ -z "$made" ] || trap 'as_root rm -f /usr/sbin/policy-rc.d; exit 130' INT TERM
	# shellcheck disable=SC2086
	as_root apt-get install -q -y --no-install-recommends $missing || failed=1
	[ -z "$made" ] || as_root rm -f /usr/sbin/policy-rc.d
	trap - INT TERM
	[ -z "${failed:-}" ]
}

# The compiler: the user's own when it is new enough, else Debian's newer one, which bookworm keeps for its browsers.
need_rust() {
	if ! rust_is_new_enough; then
		need rustc-web cargo-web
		hash -r
		rust_is_new_enough || {
			echo "ctys needs Rust 1.88 or newer; found: $(cargo --version 2>&1)" >&2
			exit 1
		}
	fi
}

rust_is_new_enough() {
	command -v cargo >/dev/null 2>&1 && command -v rustc >/dev/null 2>&1 || return 1
	minor=$(rustc --version | sed -n 's/^rustc 1\.\([0-9]*\)\..*/\1/p')
	[ -n "$minor" ] && [ "$minor" -ge 88 ]
}

need_rust_checks() {
	cargo fmt --version >/dev/null 2>&1 || need rustfmt-web
	cargo clippy --version >/dev/null 2>&1 || need rust-web-clippy
}
