# Encrypted images: read and made by ours and by QEMU, in turn.
load lib

setup() {
	need qemu-img qemu-io
	S=(--object secret,id=s,data=hunter2)
}

# opts FILE [SECRET]: what opens an encrypted image.
opts() {
	echo "driver=qcow2,file.filename=$1,encrypt.key-secret=${2:-s}"
}

# theirs FILE OPTIONS [SIZE]: qemu-img makes it. Its measuring of iterations fails now and then.
theirs() {
	local n
	for n in {1..20}; do
		! qemu-img create -q -f qcow2 "${S[@]}" -o "encrypt.key-secret=s,$2" "$1" "${3:-4M}" 2>"$T/err" || return 0
		grep -q 'accurate CPU' "$T/err" || break
	done
	cat "$T/err"
	return 1
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
	encrypt.cipher-alg=aes-128,encrypt.cipher-mode=cbc,encrypt.ivgen-alg=essiv
	encrypt.cipher-alg=aes-256,encrypt.cipher-mode=cbc,encrypt.ivgen-alg=plain,encrypt.hash-alg=sha1
	encrypt.cipher-alg=aes-192,encrypt.hash-alg=sha512
	encrypt.cipher-alg=serpent-256,encrypt.hash-alg=ripemd160
	encrypt.cipher-alg=serpent-128,encrypt.cipher-mode=cbc,encrypt.ivgen-alg=plain64
	encrypt.cipher-alg=twofish-256,encrypt.cipher-mode=cbc,encrypt.ivgen-alg=essiv,encrypt.ivgen-hash-alg=sha256
	encrypt.cipher-alg=twofish-128,encrypt.hash-alg=sha384
	encrypt.cipher-alg=cast5-128,encrypt.cipher-mode=cbc,encrypt.hash-alg=sha224
	encrypt.cipher-mode=ctr,encrypt.hash-alg=md5
	encrypt.cipher-mode=ecb,encrypt.ivgen-hash-alg=sha1
)

@test "what QEMU encrypted is read, by each cipher, mode and hash" {
	for c in "${combinations[@]}"; do
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
	theirs "$T/i" encrypt.format=luks,encrypt.iter-time=10
	run -1 vm-img convert -f qcow2 -O raw "$T/i" "$T/raw"
	[[ $output = *"a passphrase is needed"* ]]
	run -1 vm-img convert --object secret,id=s,data=hunter3 --image-opts -O raw "$(opts "$T/i")" "$T/raw"
	[[ $output = *"opens no key slot"* ]]
	[ ! -e "$T/raw" ]
}

@test "a header that asks for hours of work is refused at once" {
	theirs "$T/i" encrypt.format=luks,encrypt.iter-time=10
	# the iterations of key slot 0, of the header at 256 KiB
	printf '\377\377\377\377' | dd of="$T/i" bs=1 seek=$((262144 + 212)) conv=notrunc status=none
	run -1 timeout 5 vm-img convert "${S[@]}" --image-opts -O raw "$(opts "$T/i")" "$T/raw"
	[[ $output = *"iterations for one passphrase, more than"* ]]
}
