# SPDX-License-Identifier: ISC
# Assigned devices behind an AMD IOMMU; pci.bats has the rest. This one, as it is emulated, does not tell of faults.
# lab: -m 3G -a 'amd_iommu=on iommu=nopt' -o '-M q35 -device amd-iommu,intremap=on -netdev hubport,id=h0,hubid=0 -device e1000e,netdev=h0,addr=5 -netdev hubport,id=h1,hubid=0 -device virtio-net-pci,netdev=h1,addr=6'
load lib
load pci

# bats test_tags=lab
@test "a card behind an AMD IOMMU: streams both ways, which shows that its addresses are the guest's, and interrupts" {
	need_nic
	need busybox nc
	mkdir "$T/www"
	head -c 4000000 /dev/urandom >"$T/www/data"
	spawn web busybox httpd -f -p 10.9.0.1:7000 -h "$T/www"
	spawn taker nc -l -d 10.9.0.1 7001
	nic_guest "$T/initrd" <<-'EOS'
		up
		wget -q -O /tmp/data http://10.9.0.1:7000/data
		echo "got $(md5sum </tmp/data)"
		nc 10.9.0.1 7001 </tmp/data
		grep eth0 /proc/interrupts
		rmmod e1000e
		way IntMode=0 pin IO-APIC
	EOS
	run -0 timeout 200 vm-pin pci $nic kvm-run -k "$(kernel generic)/vmlinux" -i "$T/initrd" -m 256 -A quiet </dev/null
	[[ $output = *"got $(md5sum <"$T/www/data")"*PCI-MSI*eth0*'pin 1 3'* ]]
	await taker
	cmp "$T/taker.log" "$T/www/data"
	given_back
}
