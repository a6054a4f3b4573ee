/* SPDX-License-Identifier: ISC */
/* links: kvm-run/bus.c kvm-run/ahci.c kvm-run/ahci_port.c kvm-run/ahci_cmd.c kvm-run/ahci_fis.c kvm-run/ata.c kvm-run/ata_identify.c kvm-run/atapi.c kvm-run/atapi_info.c kvm-run/mem.c */
/*
 * AHCI drives and a hostile driver. The input is a program of steps: write a register, write memory, issue a command. The
 * rig's disk aborts when it is asked for bytes it has not.
 */
#include "tests/fuzz/input.h"
#include "tests/unit/ahci_rig.h"

/* A command as a driver would write it, but for the bytes that come from the input. */
static void
issue(struct input *in)
{
	unsigned p = input_number(in, 1) % 2, slot = input_number(in, 1) % 32, entries = input_number(in, 1) % 4;
	uint8_t *h = rig_ram + RIG_LIST + 0x1000 * p + 32 * slot, *t = rig_ram + RIG_TABLE + 0x8000 * p + 0x400 * slot;

	memset(t, 0, 0x80);
	h[0] = 5;
	put_le16(h + 2, (uint16_t)entries);
	put_le32(h + 8, (uint32_t)(t - rig_ram));
	t[0] = 0x27;
	t[1] = input_number(in, 1) % 16 ? 0x80 : 0;
	for (unsigned i = 2; i < 16; i++)
		t[i] = (uint8_t)input_number(in, 1);
	for (unsigned i = 0; t[2] == 0xa0 && i < 12; i++)
		t[0x40 + i] = (uint8_t)input_number(in, 1);
	for (unsigned i = 0; i < entries; i++) {
		put_le32(t + 0x80 + 16 * i, RIG_DATA + (input_number(in, 2) << 3));
		put_le32(t + 0x8c + 16 * i, input_number(in, 2) | 1);
	}
	if (t[2] == 0x60 || t[2] == 0x61)
		rig_write(0x100 + 0x80 * p + 0x34, 1U << slot);
	rig_write(0x100 + 0x80 * p + 0x38, 1U << slot);
}

static void
restart(unsigned p)
{
	rig_write(0x100 + 0x80 * p + 0x18, 0x10);
	rig_write(0x100 + 0x80 * p + 0x18, 0x11);
}

static void
step(struct input *in)
{
	uint32_t off;

	switch (input_number(in, 1) % 8) {
	case 0:
		off = input_number(in, 2) & 0x1fff;
		rig_write(off, input_number(in, 4));
		break;
	case 1:
		rig_read(input_number(in, 2) & 0x1ffc);
		break;
	case 2:
		off = input_number(in, 3) % (RIG_RAM - 4);
		put_le32(rig_ram + off, input_number(in, 4));
		break;
	case 3:
		rig_hold = input_number(in, 1) & 1;
		rig_error = input_number(in, 1) % 8 ? 0 : EIO;
		break;
	case 4:
		rig_release(&rig_disk);
		ahci_port_reaped(&rig_disk);
		ahci_port_reaped(&rig_cd);
		break;
	case 5:
		restart(input_number(in, 1) % 2);
		break;
	default:
		issue(in);
	}
	rig_log[0] = '\0';
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};

	if (!rig_hba)
		rig_make();
	rig_hold = false;
	rig_error = 0;
	rig_start();
	while (in.left)
		step(&in);
	rig_hold = false;
	rig_release(&rig_disk);
	return 0;
}
