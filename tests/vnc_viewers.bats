# SPDX-License-Identifier: ISC
# vm-vnc's front and the viewers that people have: TigerVNC with each kind of security, noVNC in Chromium with and without TLS.
load lib
load vnc

# show [OPTION...]: vm-vnc on display 1 and, for browsers, 6080, before an fb-machine, in the test's network.
show() {
	[[ ${pids[net]-} ]] || netns net
	spawn_in net show env -C "$T" vm-vnc -v -l :1 -W 6080 -C ctl "$@" fb-machine cmds
	wait_line "$T/show.log" '^up$' >/dev/null
}

# do_it COMMAND...: fb-machine's commands, which are done when it returns.
do_it() {
	printf '%s\n' "$@" "say done $((++said))" >"$T/cmds"
	wait_line "$T/show.log" "^done $said\$" >/dev/null
}
declare -i said=0

# screen: an X server for viewers.
screen() {
	need Xvfb vncviewer xdotool
	mkfifo "$T/display"
	spawn_in net xvfb sh -c 'exec Xvfb -displayfd 9 -screen 0 800x600x24 -nolisten tcp 9>"$1"' sh "$T/display"
	read -r -t 20 DISPLAY <"$T/display"
	export DISPLAY=:$DISPLAY HOME=$T
}

# tiger NAME OPTION...: the viewer, until the front has said something of it.
tiger() {
	local name=$1 before
	shift
	before=$(grep -c 'let in' "$T/show.log" || :)
	spawn_in net "$name" vncviewer -Shared -AlertOnFatalError=0 "$@" 127.0.0.1:1
	for ((i = 0; i < 200; i++)); do
		[ "$(grep -c 'let in' "$T/show.log" || :)" -eq "$before" ] || return 0
		read -r -t 0.05 <> <(:) || :
	done
	cat "$T/$name.log"
	return 1
}

# browse URL <<script: see browser.py.
browse() {
	in_ns net env -C "$T" HOME="$T" TMPDIR="$T" PYTHONDONTWRITEBYTECODE=1 timeout 80 /usr/bin/python3 "$TESTS/browser.py" "$1"
}

@test "TigerVNC: TLS and X.509, with VNC passwords and names; the right authority and the wrong one" {
	echo secret78 >"$T/pw"
	users
	authority
	authority other
	certificate server DNS:localhost,IP:127.0.0.1
	show -O tls -O cert="$T/server.pem" -O key="$T/server.key" -O password="$T/pw" -O users="$T/users"
	screen
	vncpasswd -f <"$T/pw" >"$T/pw.vnc"
	tiger one -SecurityTypes=TLSVnc -passwd="$T/pw.vnc"
	tiger two -SecurityTypes=X509Vnc -passwd="$T/pw.vnc" -X509CA="$T/ca.pem"
	export VNC_USERNAME=bob VNC_PASSWORD='a long password'
	tiger three -SecurityTypes=X509Plain -X509CA="$T/ca.pem"
	run -0 in_ns net sh -c 'printf "clients\n" | nc -NU "$1"' sh "$T/ctl"
	[[ ${lines[0]} = *$'\trfb+tls+password\t'* ]]
	[[ ${lines[1]} = *$'\trfb+x509+password\t'* ]]
	[[ ${lines[2]} = *$'\trfb+x509+plain\t'*$'\tbob\t'* ]]
	window=$(in_ns net xdotool search --sync --onlyvisible --name TigerVNC | tail -n 1)
	in_ns net xdotool windowfocus --sync "$window" key a
	wait_line "$T/show.log" '^key 1e down$' 10
	# A stranger's authority: the viewer asks its user, and nothing goes to the server until he has said yes.
	local before
	before=$(grep -c 'not let in' "$T/show.log" || :)
	spawn_in net wrong vncviewer -SecurityTypes=X509Plain -X509CA="$T/other.pem" 127.0.0.1:1
	in_ns net timeout 20 xdotool search --sync --onlyvisible --name 'nknown|ertificate' >/dev/null
	run -0 in_ns net sh -c 'printf "clients\n" | nc -NU "$1"' sh "$T/ctl"
	[ "$(grep -c rfb+ <<<"$output")" -eq 3 ]
}

@test "TigerVNC and others with a VNC password and no TLS" {
	echo secret78 >"$T/pw"
	show -O password="$T/pw"
	screen
	vncpasswd -f <"$T/pw" >"$T/pw.vnc"
	tiger one -SecurityTypes=VncAuth -passwd="$T/pw.vnc"
	grep 'let in (rfb+password)' "$T/show.log"
	kill "${pids[one]}"
	await one 1
	do_it 'pattern 3' # of a picture that is all black vncsnapshot waits for the next
	in_ns net env -C "$T" timeout 20 vncsnapshot -quiet -passwd pw.vnc 127.0.0.1:1 shot.jpg
	[ "$(identify -format '%wx%h' "$T/shot.jpg")" = 640x480 ]
}

@test "noVNC in Chromium: the picture is the guest's, pixel for pixel, and typed keys arrive" {
	show
	do_it 'mode 400 300' 'fill 10 20 100 50 ff0000' 'fill 200 100 150 150 0080ff' 'dump ref.ppm'
	browse 'http://127.0.0.1:6080/vnc.html?autoconnect=true' <<-'EOF'
		b.until(lambda: b.shows("ref.ppm"))
		b.key("a", "KeyA", "a")
		b.key("Enter", "Enter", "\r")
		b.call("Page.navigate", url="http://127.0.0.1:6080/")
		b.until(lambda: "\nresize " in open("show.log").read())
	EOF
	wait_line "$T/show.log" '^key 1e down$' 10
	wait_line "$T/show.log" '^key 1c up$' 10
	grep 'let in (ws+none)' "$T/show.log"
}

@test "noVNC over https and wss, with a name and a password" {
	users
	authority
	certificate server DNS:localhost,IP:127.0.0.1
	show -O cert="$T/server.pem" -O key="$T/server.key" -O users="$T/users"
	do_it 'mode 320 200' 'fill 0 0 320 100 00ff00' 'dump ref.ppm'
	browse 'https://127.0.0.1:6080/vnc.html?autoconnect=true' <<-'EOF'
		b.until(lambda: b.js("document.getElementById('noVNC_credentials_dlg').classList.contains('noVNC_open')"))
		b.js("document.getElementById('noVNC_username_input').value = 'bob'")
		b.js("document.getElementById('noVNC_password_input').value = 'a long password'")
		b.js("document.getElementById('noVNC_credentials_button').click()")
		b.until(lambda: b.shows("ref.ppm"))
		b.key("b", "KeyB", "b")
	EOF
	wait_line "$T/show.log" '^key 30 down$' 10
	grep 'let in (wss+plain)' "$T/show.log"
}
