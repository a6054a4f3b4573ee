# SPDX-License-Identifier: ISC
# Encrypted images: read and made by ours and by QEMU, in turn.
load lib

setup() {
	need qemu-img qemu-io
	S=(--object 'secret,id=s,data=hunter2')
}

# opts FILE [SECRET]: what opens an encrypted image.
opts() {
	echo "driver=qcow2,file.filename=$1,encrypt.key-secret=${2:-s}"
}

# theirs FILE OPTIONS: qemu-img makes it. Its measuring of iterations fails now and then.
theirs() {
	until qemu-img create -q -f qcow2 "${S[@]}" -o "encrypt.key-secret=s,$2" "$1" 4M 2>"$T/err"; do
		grep -q 'accurate CPU' "$T/err" || {
			cat "$T/err"
			return 1
		}
	done
}

# ours FILE OPTIONS: vm-img makes it.
ours() {
	vm-img create -q "${S[@]}" -f qcow2 -o "encrypt.key-secret=s,$2" "$1" 4M
}

# fill FILE: with QEMU. The pattern is at places that are no whole sectors.
fill() {
	qemu-io "${S[@]}" --image-opts "$(opts "$1")" -c 'write -q -P 1 0 128k' -c 'write -q -P 2 1000000 3333' -c 'write -q -P 3 3M 1M' >/dev/null
}

# holds FILE: the same, as ours reads it, by way of a raw copy that QEMU looks at.
holds() {
	vm-img convert "${S[@]}" --image-opts -O raw "$(opts "$1")" "$T/raw"
	qemu-io -f raw -r -c 'read -q -P 1 0 128k' -c 'read -q -P 2 1000000 3333' -c 'read -q -P 0 1003333 1M' -c 'read -q -P 3 3M 1M' "$T/raw"
}

combinations=(
	''
	'encrypt.cipher-alg=aes-128,encrypt.cipher-mode=cbc,encrypt.ivgen-alg=essiv'
	'encrypt.cipher-alg=aes-256,encrypt.cipher-mode=cbc,encrypt.ivgen-alg=plain,encrypt.hash-alg=sha1'
	'encrypt.cipher-alg=aes-192,encrypt.hash-alg=sha512'
	'encrypt.cipher-alg=serpent-256,encrypt.hash-alg=ripemd160'
	'encrypt.cipher-alg=serpent-128,encrypt.cipher-mode=cbc,encrypt.ivgen-alg=plain64'
	'encrypt.cipher-alg=twofish-256,encrypt.cipher-mode=cbc,encrypt.ivgen-alg=essiv,encrypt.ivgen-hash-alg=sha256'
	'encrypt.cipher-alg=twofish-128,encrypt.hash-alg=sha384'
	'encrypt.cipher-alg=cast5-128,encrypt.cipher-mode=cbc,encrypt.hash-alg=sha224'
	'encrypt.cipher-mode=ctr,encrypt.hash-alg=md5'
	'encrypt.cipher-mode=ecb,encrypt.ivgen-hash-alg=sha1'
)

# Making an image takes QEMU more than a second, so these are few; the others are made by ours, below.
@test "what QEMU encrypted is read" {
	for c in '' "${combinations[1]}" "${combinations[4]}"; do
		echo "$c"
		theirs "$T/i" "encrypt.format=luks,encrypt.iter-time=10${c:+,$c}"
		fill "$T/i"
		holds "$T/i"
	done
}

@test "the AES of old is read" {
	theirs "$T/i" encrypt.format=aes
	fill "$T/i"
	holds "$T/i"
	qemu-img create -q -f qcow "${S[@]}" -o encrypt.format=aes,encrypt.key-secret=s "$T/q" 4M
	qemu-io "${S[@]}" --image-opts "driver=qcow,file.filename=$T/q,encrypt.key-secret=s" -c 'write -q -P 5 64k 64k'
	vm-img convert "${S[@]}" --image-opts -O raw "driver=qcow,file.filename=$T/q,encrypt.key-secret=s" "$T/raw"
	qemu-io -f raw -r -c 'read -q -P 5 64k 64k' -c 'read -q -P 0 1M 1M' "$T/raw"
}

@test "no passphrase, or another: said, and nothing is written" {
	ours "$T/i" encrypt.format=luks,encrypt.iter-time=1
	run -1 vm-img convert -f qcow2 -O raw "$T/i" "$T/raw"
	[[ $output = *"a passphrase is needed"* ]]
	run -1 vm-img convert --object secret,id=s,data=hunter3 --image-opts -O raw "$(opts "$T/i")" "$T/raw"
	[[ $output = *"opens no key slot"* ]]
	[ ! -e "$T/raw" ]
}

@test "info tells the same as qemu-img, without a passphrase" {
	for o in encrypt.format=aes encrypt.format=luks,encrypt.iter-time=1 \
		encrypt.format=luks,encrypt.iter-time=1,encrypt.cipher-alg=aes-128,encrypt.cipher-mode=cbc,encrypt.ivgen-alg=essiv; do
		ours "$T/i" "$o"
		diff <(qemu-img info "$T/i") <(vm-img info -f qcow2 "$T/i")
		diff <(qemu-img info --output=json "$T/i") <(vm-img info --output=json -f qcow2 "$T/i")
	done
}


@test "what ours encrypted QEMU reads, by each cipher, mode and hash" {
	truncate -s 4M "$T/plain"
	qemu-io -f raw -c 'write -q -P 1 0 128k' -c 'write -q -P 2 1000000 3333' -c 'write -q -P 3 3M 1M' "$T/plain"
	for c in "${combinations[@]}"; do
		echo "$c"
		vm-img convert "${S[@]}" -f raw -O qcow2 -o "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10${c:+,$c}" \
			"$T/plain" "$T/i"
		qemu-img compare "${S[@]}" --image-opts "$(opts "$T/i")" "driver=raw,file.filename=$T/plain"
		qemu-img check -q "${S[@]}" --image-opts "$(opts "$T/i")"
		run ! grep -q hunter2 "$T/i"
		qemu-io "${S[@]}" --image-opts "$(opts "$T/i")" -c 'write -q -P 1 1M 128k' -c 'write -q -P 2 2000000 3333'
		vm-img convert "${S[@]}" --image-opts -O raw "$(opts "$T/i")" "$T/raw"
		qemu-io -f raw -r -c 'read -q -P 1 0 128k' -c 'read -q -P 1 1M 128k' -c 'read -q -P 2 2000000 3333' \
			-c 'read -q -P 3 3M 1M' "$T/raw"
	done
	# Of keys of 192 bits, QEMU's assertions fail with cbc.
	vm-img convert "${S[@]}" -f raw -O qcow2 -o encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=1,encrypt.cipher-alg=twofish-192,encrypt.cipher-mode=cbc \
		"$T/plain" "$T/i"
	holds "$T/i"
}

@test "writes of any place, by ours and by QEMU in turn, into one encrypted image" {
	ours "$T/i" encrypt.format=luks,encrypt.iter-time=1,encrypt.cipher-mode=cbc
	fill "$T/i"
	spawn -R server vm-img serve "${S[@]}" --image-opts -l "$T/sock" -R 9 "$(opts "$T/i")"
	U="nbd+unix:///?socket=$T/sock"
	qemu-io -f raw -c 'read -q -P 1 0 128k' -c 'write -q -P 4 77777 1' -c 'write -q -P 5 65000 1000' -c 'write -q -z 2M 64k' \
		-c 'write -q -P 6 2100001 511' -c 'write -q -P 7 3111111 100000' -c 'discard -q 3500032 64k' -c flush "$U"
	kill -TERM "${pids[server]}"
	await server
	qemu-img check -q "${S[@]}" --image-opts "$(opts "$T/i")"
	qemu-io -r "${S[@]}" --image-opts "$(opts "$T/i")" -c 'read -q -P 1 0 65000' -c 'read -q -P 5 65000 1000' -c 'read -q -P 1 66000 11777' \
		-c 'read -q -P 4 77777 1' -c 'read -q -P 1 77778 53294' -c 'read -q -P 0 2M 2849' -c 'read -q -P 6 2100001 511' \
		-c 'read -q -P 0 2100512 60k' -c 'read -q -P 7 3111111 100000' -c 'read -q -P 3 3211111 200000' -c 'read -q -P 2 1000000 3333'
}

@test "a snapshot of an encrypted image keeps what it had" {
	ours "$T/i" encrypt.format=luks,encrypt.iter-time=1
	fill "$T/i"
	vm-img snapshot "${S[@]}" --image-opts -c one "$(opts "$T/i")"
	spawn -R server vm-img serve "${S[@]}" --image-opts -l "$T/sock" -R 9 "$(opts "$T/i")"
	qemu-io -f raw -c 'write -q -P 9 1000 5000' "nbd+unix:///?socket=$T/sock"
	kill -TERM "${pids[server]}"
	await server
	qemu-io -r "${S[@]}" --image-opts "$(opts "$T/i")" -c 'read -q -P 1 0 1000' -c 'read -q -P 9 1000 5000' -c 'read -q -P 1 6000 60000'
	qemu-img convert "${S[@]}" --image-opts -l one -O raw "$(opts "$T/i")" "$T/raw"
	qemu-io -f raw -r -c 'read -q -P 1 0 128k' "$T/raw"
}

@test "passphrases are added and taken away, by ours and by QEMU in turn; the last one stays" {
	S+=(--object 'secret,id=n,data=another' --object 'secret,id=m,data=third')
	ours "$T/i" encrypt.format=luks,encrypt.iter-time=1
	fill "$T/i"
	vm-img amend -q "${S[@]}" --image-opts -o encrypt.state=active,encrypt.new-secret=n,encrypt.iter-time=1 "$(opts "$T/i")"
	until qemu-img amend -q "${S[@]}" --image-opts -o encrypt.state=active,encrypt.new-secret=m,encrypt.keyslot=5,encrypt.iter-time=10 \
		"$(opts "$T/i" n)" 2>"$T/err"; do grep -q 'accurate CPU' "$T/err"; done
	vm-img info -f qcow2 "$T/i" | grep -c 'active: true' | grep -qx 3
	vm-img amend -q "${S[@]}" --image-opts -o encrypt.state=inactive,encrypt.old-secret=s "$(opts "$T/i" m)"
	run -1 qemu-io -r "${S[@]}" --image-opts "$(opts "$T/i")" -c 'read -q 0 512'
	qemu-io -r "${S[@]}" --image-opts "$(opts "$T/i" n)" -c 'read -q -P 1 0 128k'
	qemu-img amend -q "${S[@]}" --image-opts -o encrypt.state=inactive,encrypt.keyslot=1 "$(opts "$T/i" m)"
	run -1 vm-img convert "${S[@]}" --image-opts -O raw "$(opts "$T/i" n)" "$T/raw"
	run -1 vm-img amend -q "${S[@]}" --image-opts -o encrypt.state=inactive,encrypt.keyslot=5 "$(opts "$T/i" m)"
	[[ $output = *'last passphrase'* ]]
	qemu-img check -q "${S[@]}" --image-opts "$(opts "$T/i" m)"
}

@test "a header that asks for hours of work is refused at once" {
	ours "$T/i" encrypt.format=luks,encrypt.iter-time=1
	# The iterations of key slot 0; where the header is, the extension says that comes first.
	at=$(od -An -tu8 --endian=big -j120 -N8 "$T/i")
	printf '\377\377\377\377' | dd of="$T/i" bs=1 seek=$((at + 212)) conv=notrunc status=none
	run -1 timeout 60 vm-img convert "${S[@]}" --image-opts -O raw "$(opts "$T/i")" "$T/raw"
	[[ $output = *"iterations for one passphrase, more than"* ]]
}
