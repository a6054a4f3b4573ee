# SPDX-License-Identifier: ISC
# The ACPI tables, read by a program that is not ours.
load lib

@test "iasl reads the tables, and compiles what it read to the same bytes" {
	need iasl
	local board table resources
	for board in '1 1 0' '4 4 510' '2 3 2147483646' '254 254 510 i8042' '300 300 0'; do
		mkdir "$T/$board"
		cd "$T/$board"
		# shellcheck disable=SC2086 # words
		acpi-dump $board
		[ "$(echo *.aml)" = 'APIC.aml DSDT.aml FACP.aml FACS.aml MCFG.aml XSDT.aml' ]
		for table in *.aml; do
			run -0 iasl -d "$table"
			[[ $output != *[Ww]arning* && $output != *[Ee]rror* && $output != *[Ii]nvalid* ]]
		done
		# What it cannot read as resources it shows as plain bytes.
		resources=4
		[[ $board != *i8042 ]] || resources=6
		[ "$(grep -c 'ResourceTemplate ()' DSDT.dsl)" -eq "$resources" ]
		for table in APIC DSDT FACP MCFG XSDT; do
			run -0 iasl -oa -p again "$table.dsl"
			[[ $output = *'0 Errors, 0 Warnings, 0 Remarks'* ]]
			# The header names the compiler.
			cmp <(tail -c +37 "$table.aml") <(tail -c +37 again.aml)
		done
	done
}
