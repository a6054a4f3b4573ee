#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Random lives of images, by our programs and by QEMU's in turn: tests/agree, which is for thousands of them; here some that are always
# the same, and some new ones, whose seed is told when they fail.

load lib

setup() {
	need qemu-img qemu-io
	export TMPDIR=$T AGREE_KEEP=$T
}

@test 'twelve lives of all formats agree with QEMU' {
	"$TESTS/agree" 1 12
}

@test 'twelve lives of qcow2 images agree with QEMU' {
	"$TESTS/agree" -f qcow2 501 12
}

@test 'six new lives agree with QEMU' {
	"$TESTS/agree" $((SRANDOM % 1000000000)) 6
}
