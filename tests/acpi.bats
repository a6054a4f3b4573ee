# SPDX-License-Identifier: ISC
# The ACPI tables, read by a program that is not ours.
load lib

@test "iasl reads the tables, and compiles what it read to the same bytes" {
	need iasl
	local board table
	for board in '1 1 0' '4 4 510' '2 3 2147483646' '254 254 510' '300 300 0'; do
		mkdir "$T/$board"
		cd "$T/$board"
		# shellcheck disable=SC2086 # three words
		acpi-dump $board
		[ "$(echo *.aml)" = 'APIC.aml DSDT.aml FACP.aml FACS.aml MCFG.aml XSDT.aml' ]
		for table in *.aml; do
			run -0 iasl -d "$table"
			[[ $output != *[Ww]arning* && $output != *[Ee]rror* && $output != *[Ii]nvalid* ]]
		done
		# What it cannot read as resources it shows as plain bytes.
		[ "$(grep -c 'ResourceTemplate ()' DSDT.dsl)" -eq 4 ]
		for table in APIC DSDT FACP MCFG XSDT; do
			run -0 iasl -oa -p again "$table.dsl"
			[[ $output = *'0 Errors, 0 Warnings, 0 Remarks'* ]]
			# The header names the compiler.
			cmp <(tail -c +37 "$table.aml") <(tail -c +37 again.aml)
		done
	done
}
