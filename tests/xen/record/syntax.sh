# How xl itself reads a configuration: a dry run prints what it understood, as JSON.

# syntax CASE TEXT: four lines that make a domain, and the text, without a line feed of its own.
syntax() {
	local file=$captures/xl-4.17-dry-run-$1
	printf 'name = "t"\nkernel = "/boot/vmlinux"\nmemory = 128\nuuid = "6842caf9-1e3e-4324-9ed5-96b8b9f2c500"\n%s' "$2" >"$file.conf"
	cp "$file.conf" /tmp/t.conf
	record "${file##*/}" xl -N create /tmp/t.conf
}

lf=$'\n' cr=$'\r' tab=$'\t'
# Strings.
syntax escape-octal "extra = \"a\\101b\"$lf"
syntax escape-octal-short "extra = \"a\\47b\"$lf"
syntax escape-hex "extra = \"a\\x41b\"$lf"
syntax escape-letters "extra = \"a\\nb\\tc\\rd\"$lf"
syntax escape-unknown "extra = \"a\\qb\"$lf"
syntax escape-backslash "extra = \"a\\\\b\"$lf"
syntax escape-double-quote "extra = \"a\\\"b\"$lf"
syntax escape-single-quote "extra = 'a\\'b'$lf"
syntax other-quote "extra = \"it's\"${lf}uuid = '6842caf9-1e3e-4324-9ed5-96b8b9f2c5c2'$lf"
syntax hash-in-string "extra = \"a#b\"$lf"
syntax unclosed "extra = \"unclosed$lf"
syntax string-over-lines "extra = \"a\\${lf}b\"$lf"
syntax two-strings "extra = \"a\" \"b\"$lf"
# Numbers.
syntax number "extra = 5$lf"
syntax number-hex "memory = 0x40$lf"
syntax number-hex-capitals "memory = 0xC0$lf"
syntax number-octal "memory = 0100$lf"
syntax number-in-string "memory = \"64\"$lf"
syntax number-negative "x = -5$lf"
syntax number-point "memory = 64.5$lf"
# Lines.
syntax semicolons ";; extra = 'a' ; memory = 64;$lf"
syntax blanks "${tab}extra${tab}=${tab}'a'   ${lf}   $lf$lf"
syntax comment-at-end "extra = 'a'# no blank before$lf# alone$lf"
syntax comment-without-line-feed "extra = 'a' # the last line"
syntax value-without-line-feed "extra = 'a'"
syntax cr-lf "extra = 'a'$cr$lf"
syntax value-on-next-line "extra =$lf'a'$lf"
syntax twice "extra = 'a'${lf}extra = 'b'$lf"
syntax added "extra = 'a'${lf}extra += 'b'$lf"
syntax list-added "vif = ['mac=00:16:3e:00:00:01']${lf}vif += ['mac=00:16:3e:00:00:02']$lf"
syntax key-capital "Memory = 64$lf"
syntax key-point "a.b = 'x'$lf"
syntax python "if x:$lf  memory = 1$lf"
syntax empty-name "name = ''$lf"
syntax name-with-blanks "name = 'two words'$lf"
syntax name-utf-8 "name = 'café'$lf"
syntax name-slash "name = 'a/b'$lf"
syntax name-number "name = 5$lf"
syntax uuid-plain "uuid = '6842CAF91E3E43249ED596B8B9F2C5C2'$lf"
syntax uuid-garbage "uuid = 'garbage'$lf"
# Lists.
syntax list-lines "vif = [ # a comment$lf$lf'mac=00:16:3e:00:00:01'$lf,$lf\"mac=00:16:3E:00:00:0a\",$lf]$lf"
syntax list-trailing-comma "vif = ['mac=00:16:3e:00:00:01',]$lf"
syntax list-only-comma "vif = [,]$lf"
syntax list-without-comma "vif = ['mac=00:16:3e:00:00:01' 'mac=00:16:3e:00:00:02']$lf"
syntax list-of-numbers "cpus = [0, 0x0, '0']$lf"
syntax list-empty "vif = []$lf"
syntax list-of-nothing "vif = ['']$lf"
syntax list-in-list "vif = [['a'], 'mac=00:16:3e:00:00:01']$lf"
syntax list-in-parentheses "vif = (['mac=00:16:3e:00:00:01'])$lf"
syntax list-for-a-value "extra = ['a', 'b']$lf"
syntax value-for-a-list "vif = 'mac=00:16:3e:00:00:01'$lf"
# Cards and frame buffers.
syntax vif-many "vif = ['mac=00:16:3e:00:00:01,bridge=xenbr0', 'bridge=xenbr0', 'mac=00-16-3e-00-00-02']$lf"
syntax vif-blanks "vif = [' mac = 00:16:3e:00:00:01 , bridge=x']$lf"
syntax vif-capitals "vif = ['MAC=00:16:3E:00:00:01']$lf"
syntax vif-bad-mac "vif = ['mac=garbage']$lf"
syntax vfb "vfb = ['type=vnc,vncunused=1,vnclisten=0.0.0.0,vncdisplay=2,vncpasswd=secret']$lf"
syntax vfb-two "vfb = ['vnc=1', 'sdl=1,vnc=0']$lf"
syntax vnc-outside-of-vfb "vnc = 1${lf}vncunused = 1$lf"
syntax vnc-hvm "type = 'hvm'${lf}vnc = 1${lf}vncunused = 0${lf}vncdisplay = 3$lf"
syntax builder-hvm "builder = 'hvm'$lf"
syntax type-pvh "type = 'pvh'$lf"
syntax disk "disk = ['format=raw,vdev=xvda,access=rw,target=/a b/x.img', 'file:/y.img,xvdb,r', 'phy:/dev/vg/z,hda1,w']$lf"
syntax bootloader "bootloader = 'pygrub'$lf"
syntax magic-comments "#@#MAGICID-XEN$lf#@#LABEL = 't'$lf"
for name in tst100 tst101 tst104; do
	cp "xen/tst-ctys/$name/$name.conf" "$captures/xl-4.17-dry-run-$name.conf"
	record "xl-4.17-dry-run-$name" xl -N create "xen/tst-ctys/$name/$name.conf"
done
