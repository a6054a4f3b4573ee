# SPDX-License-Identifier: ISC
# The ACPI tables, read by a program that is not ours.
load lib

@test "iasl reads the tables, and compiles what it read to the same bytes" {
	need iasl
	local board table tables resources
	for board in '1 1G 0' '4 64 510' '2,maxcpus=3 3G,nodes=1G:2G 2147483646' '254 1G 510 i8042' \
		'600,sockets=3,threads=2 8G,nodes=3 0'; do
		mkdir "$T/$board"
		cd "$T/$board"
		# shellcheck disable=SC2086 # words
		acpi-dump $board
		tables='APIC.aml DSDT.aml FACP.aml FACS.aml MCFG.aml'
		[[ $board != *nodes* ]] || tables+=' SLIT.aml SRAT.aml'
		[ "$(echo *.aml)" = "$tables XSDT.aml" ]
		for table in *.aml; do
			run -0 iasl -d "$table"
			[[ $output != *[Ww]arning* && $output != *[Ee]rror* && $output != *[Ii]nvalid* ]]
		done
		# What it cannot read as resources it shows as plain bytes.
		resources=4
		[[ $board != *i8042 ]] || resources=6
		[ "$(grep -c 'ResourceTemplate ()' DSDT.dsl)" -eq "$resources" ]
		for table in $tables XSDT.aml; do
			table=${table%.aml}
			[ "$table" != FACS ] || continue
			run -0 iasl -oa -p again "$table.dsl"
			[[ $output = *'0 Errors, 0 Warnings, 0 Remarks'* ]]
			# The header names the compiler.
			cmp <(tail -c +37 "$table.aml") <(tail -c +37 again.aml)
		done
	done
}
