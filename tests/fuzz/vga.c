/* links: kvm-run/vga.c kvm-run/vga_regs.c kvm-run/vga_dispi.c kvm-run/vga_window.c kvm-run/vga_view.c kvm-run/vga_draw.c */
/* links: kvm-run/vga_font.c kvm-run/edid.c kvm-run/screen_memory.c kvm-run/bus.c */
/* SPDX-License-Identifier: ISC */
/*
 * A guest that drives the VGA at random, while a display looks. The input: steps of 4 bytes, what to do and two to four of
 * where and what. Whatever comes of it is a picture that a display can take, and damage within it.
 */
#include "tests/unit/vga_rig.h"

static void
check_look(void)
{
	rig_look();
	if (fb_fault((const union fb_message *)&rig_mode, sizeof(rig_mode), true) || rig_mode.size > rig_vga->memory.size)
		abort();
	for (unsigned i = 0; i < rig_damages; i++)
		if (!rig_damage[i].width || !rig_damage[i].height || rig_damage[i].y + rig_damage[i].height > rig_mode.height ||
		    rig_damage[i].x >= rig_mode.width)
			abort();
}

static void
step(const uint8_t *p)
{
	uint32_t value = (uint32_t)p[2] << 8 | p[3];
	unsigned port = VGA_PORTS + p[1] % VGA_PORTS_LEN;
	uint16_t swapped = (uint16_t)value;

	switch (p[0] % 12) {
	case 0:
		rig_out((uint16_t)port, value, 2);
		break;
	case 1:
		rig_out((uint16_t)port, value, 1);
		break;
	case 2:
		rig_in((uint16_t)port, 1U << p[2] % 3);
		break;
	case 3:
		rig_dispi(p[1] % 16, (uint16_t)value);
		break;
	case 4: /* a size within reach */
		rig_dispi(1 + p[1] % 2, value % 300);
		break;
	case 5:
		rig_store(VGA_WINDOW + ((uint32_t)p[1] << 9 | p[2]), p[3], 1);
		break;
	case 6:
		rig_load(VGA_WINDOW + ((uint32_t)p[1] << 9 | p[2]), 4);
		break;
	case 7:
		rig_vga->pci.ops->bar_access(&rig_vga->pci, 2, (uint64_t)p[1] << 3, &swapped, 2, p[2] & 1);
		break;
	case 8:
		rig_vga->pci.ops->bar_mapped(&rig_vga->pci, 0, 0xfd000000, p[1] & 1);
		break;
	case 9:
		vga_logging(rig_vga, p[1] & 1);
		break;
	case 10:
		rig_store(0xfd000000 + value * 256 + p[1], value, 4);
		break;
	case 11:
		check_look();
		break;
	}
}

/* Two rows of text instead of 25, for speed: CRTC registers and, above, their values. */
static const uint16_t few_lines[] = {0x0011, 0x0007, 0x1f12};

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t size)
{
	if (!rig_vga)
		rig_make();
	rig_device.ops->reset(rig_vga);
	for (unsigned i = 0; i < sizeof(few_lines) / sizeof(few_lines[0]); i++)
		rig_out(0x3d4, few_lines[i], 2);
	for (; size >= 4; size -= 4, p += 4)
		step(p);
	check_look();
	return 0;
}
