/* links: kvm-run/vga.c kvm-run/vga_regs.c kvm-run/vga_dispi.c kvm-run/vga_window.c kvm-run/vga_view.c kvm-run/vga_draw.c */
/* links: kvm-run/vga_font.c kvm-run/edid.c kvm-run/screen_memory.c kvm-run/bus.c */
/* SPDX-License-Identifier: ISC */
/* The VGA: registers as software reads them back, and pictures pixel by pixel. */
#include "common/fb.h"
#include "tests/unit/ports.h"
#include "tests/unit/vga_rig.h"

#define GREY 0xaaaaaa
#define LFB 0xfd000000ULL

static void
restart(void)
{
	if (rig_vga)
		rig_device.ops->reset(rig_vga);
	else
		rig_make();
	rig_look();
}

static void
set(uint16_t port, uint8_t i, uint8_t value)
{
	rig_out(port, (uint32_t)value << 8 | i, 2);
}

static void
map_linear(bool on)
{
	rig_vga->pci.ops->bar_mapped(&rig_vga->pci, 0, LFB, on);
}

static void
watch(bool on)
{
	pthread_mutex_lock(&rig_vga->lock);
	vga_logging(rig_vga, on);
	pthread_mutex_unlock(&rig_vga->lock);
}

/* The only damage is this. */
static bool
damaged(unsigned x, unsigned y, unsigned width, unsigned height)
{
	struct fb_rect r = rig_damage[0];

	for (unsigned i = 0; i < rig_damages; i++)
		printf("# damage %ux%u+%u+%u\n", rig_damage[i].width, rig_damage[i].height, rig_damage[i].x, rig_damage[i].y);
	return rig_damages == 1 && r.x == x && r.y == y && r.width == width && r.height == height;
}

static void
test_registers(void)
{
	restart();
	PORT_STEPS(&rig_vm.ports,
	    {'w', 0x3c4, 2, 0x5502, ""}, {'r', 0x3c5, 1, 0x55, "sequencer, by a word"},
	    {'w', 0x3ce, 1, 8, ""}, {'w', 0x3cf, 1, 0x12, ""}, {'r', 0x3cf, 1, 0x12, "graphics"},
	    {'r', 0x3cc, 1, 0x67, "miscellaneous output"},
	    {'r', 0x3b5, 1, 0xff, "no CRTC where a monochrome one is"},
	    {'w', 0x3d4, 1, 1, ""}, {'w', 0x3d5, 1, 0x11, ""}, {'r', 0x3d5, 1, 0x4f, "a protected CRTC register"},
	    {'w', 0x3d4, 2, 0x0007, ""}, {'r', 0x3d5, 1, 0x0f, "of the overflow only line compare"},
	    {'w', 0x3d4, 2, 0x0c11, ""}, {'w', 0x3d4, 2, 0x1101, ""}, {'r', 0x3d5, 1, 0x11, "not protected any more"},
	    {'w', 0x3c2, 1, 0x66, ""}, {'r', 0x3d5, 1, 0xff, "no CRTC where a colour one was"},
	    {'r', 0x3b5, 1, 0x11, "it is at 3B4 now"}, {'w', 0x3c2, 1, 0x67, ""});
	rig_in(0x3da, 1);
	PORT_STEPS(&rig_vm.ports,
	    {'w', 0x3c0, 1, 0x20, ""}, {'w', 0x3c0, 1, 0x3f, ""}, {'w', 0x3c0, 1, 0x01, ""}, {'w', 0x3c0, 1, 0x15, ""},
	    {'r', 0x3c1, 1, 0x15, "attribute: the palette when it is not shown"},
	    {'w', 0x3c0, 1, 0x21, ""}, {'w', 0x3c0, 1, 0x2a, ""},
	    {'r', 0x3c1, 1, 0x15, "and not when it is"},
	    {'w', 0x3c0, 1, 0x21, ""}, {'r', 0x3c0, 1, 0, "the flip-flop waits for data"});
	rig_in(0x3da, 1);
	PORT_STEPS(&rig_vm.ports, {'r', 0x3c0, 1, 0x21, "status 1 puts it back"});
	ok((rig_in(0x3da, 1) ^ rig_in(0x3da, 1)) == 9, "retrace comes and goes");
}

static void
test_palette(void)
{
	restart();
	PORT_STEPS(&rig_vm.ports,
	    {'w', 0x3c8, 1, 200, ""}, {'r', 0x3c7, 1, 0, "DAC writes"}, {'w', 0x3c9, 1, 1, ""}, {'w', 0x3c9, 1, 2, ""},
	    {'w', 0x3c9, 1, 3, ""}, {'r', 0x3c8, 1, 201, "then the next"}, {'w', 0x3c9, 1, 63, ""},
	    {'w', 0x3c7, 1, 200, ""}, {'r', 0x3c7, 1, 3, "DAC reads"}, {'r', 0x3c9, 1, 1, "red"}, {'r', 0x3c9, 1, 2, "green"},
	    {'r', 0x3c9, 1, 3, "blue"}, {'r', 0x3c9, 1, 0, "an unfinished colour is not there"});
}

static void
test_dispi(void)
{
	restart();
	PORT_STEPS(&rig_vm.ports,
	    {'w', 0x1ce, 2, 0, ""}, {'r', 0x1cf, 2, 0xb0c5, "the newest"}, {'w', 0x1cf, 2, 0xb0c2, ""},
	    {'r', 0x1cf, 2, 0xb0c2, "an older one, if wanted"}, {'w', 0x1cf, 2, 0xb0c6, ""}, {'r', 0x1cf, 2, 0xb0c2, "no newer"},
	    {'w', 0x1ce, 2, 10, ""}, {'r', 0x1cf, 2, 256, "16 MiB"}, {'r', 0x1ce, 1, 0xff, "words only"},
	    {'w', 0x1ce, 2, 4, ""}, {'w', 0x1cf, 2, 2, ""}, {'w', 0x1ce, 2, 1, ""}, {'r', 0x1cf, 2, FB_SIDE_MAX, "limits"},
	    {'w', 0x1ce, 2, 3, ""}, {'r', 0x1cf, 2, 32, "bits at most"}, {'w', 0x1cf, 2, 17, ""},
	    {'w', 0x1ce, 2, 4, ""}, {'w', 0x1cf, 2, 0, ""}, {'w', 0x1ce, 2, 3, ""}, {'r', 0x1cf, 2, 8, "bits nobody knows"},
	    {'w', 0x1cf, 2, 32, ""}, {'w', 0x1ce, 2, 1, ""}, {'w', 0x1cf, 2, 640, ""}, {'w', 0x1cf, 2, 8193, ""},
	    {'r', 0x1cf, 2, 640, "too wide"}, {'w', 0x1ce, 2, 2, ""}, {'w', 0x1cf, 2, 480, ""}, {'w', 0x1ce, 2, 4, ""},
	    {'w', 0x1cf, 2, 0x41, ""}, {'w', 0x1ce, 2, 6, ""}, {'r', 0x1cf, 2, 640, "virtual width"},
	    {'w', 0x1cf, 2, 1280, ""}, {'w', 0x1ce, 2, 7, ""}, {'r', 0x1cf, 2, 3276, "as many lines as fit"},
	    {'w', 0x1ce, 2, 6, ""}, {'w', 0x1cf, 2, 600, ""}, {'r', 0x1cf, 2, 1280, "not narrower than what is shown"});
}

static void
test_bar(void)
{
	uint8_t edid[128], sum = 0;
	uint16_t id = 0, xres = 800;
	uint32_t size = 0;
	const struct pci_ops *ops;

	restart();
	ops = rig_vga->pci.ops;
	for (unsigned i = 0; i < 128; i++) {
		ops->bar_access(&rig_vga->pci, 2, i, &edid[i], 1, false);
		sum = (uint8_t)(sum + edid[i]);
	}
	ok(!sum && edid[0] == 0 && edid[1] == 0xff, "an EDID");
	ok(edid[56] == (1024 & 255) && edid[58] == 1024 >> 8 << 4 && edid[59] == (768 & 255), "of 1024x768");
	ops->bar_access(&rig_vga->pci, 2, 0x500, &id, 2, false);
	ops->bar_access(&rig_vga->pci, 2, 0x502, &xres, 2, true);
	ops->bar_access(&rig_vga->pci, 2, 0x600, &size, 4, false);
	rig_out(0x1ce, 1, 2);
	ok(id == 0xb0c5 && rig_in(0x1cf, 2) == 800 && size == 8, "DISPI by memory");
	id = 0;
	ops->bar_access(&rig_vga->pci, 2, 0x40c, &id, 1, false);
	ok(id == 0x67, "VGA's ports by memory");
}

/* The font's row for a character, as bits. */
static unsigned
font_row(unsigned c, unsigned y)
{
	return rig_vga->planes[2 * VGA_PLANE_SIZE + c * VGA_GLYPH_BYTES + y];
}

static void
test_text(void)
{
	struct fb_text_cursor cursor;
	bool good = true;
	uint16_t cell;

	restart();
	ok(rig_mode.width == 720 && rig_mode.height == 400 && rig_mode.columns == 80 && rig_mode.rows == 25, "720x400, 80x25");
	rig_mode.kind = FB_MODE;
	ok(!fb_fault((const union fb_message *)&rig_mode, sizeof(rig_mode), true), "a mode that a display takes");
	ok(font_row('L', 4) == 0x60 && font_row('L', 11) == 0x7e && font_row(0xdb, 0) == 0xff, "a font");
	set(0x3d4, 0x0a, 0x20);
	rig_look();
	rig_store(0xb8000 + 2 * 81, 'A' | 0x1e00, 2);
	rig_look();
	ok(damaged(0, 16, 32, 16), "a character's place has changed");
	for (unsigned y = 0; y < 16; y++)
		for (unsigned x = 0; x < 9; x++)
			good &= rig_pixel(9 + x, 16 + y) == (x < 8 && font_row('A', y) >> (7 - x) & 1 ? 0xffff55 : 0x0000aa);
	ok(good, "it is drawn with its font and its colours");
	memcpy(&cell, rig_vga->memory.map + sizeof(cursor) + 2 * 81, 2);
	ok(cell == ('A' | 0x1e00), "and told to displays");
	rig_look();
	ok(!rig_damages, "then nothing changes");
	rig_store(0xb8000, 0xc4 | 0x0700, 2);
	rig_store(0xb8000 + 4, 0xdb | 0x8700, 2);
	rig_look();
	ok(rig_pixel(7, 7) == GREY && rig_pixel(8, 7) == GREY && rig_pixel(8, 6) == 0, "a line goes on into the ninth dot");
	ok(rig_pixel(26, 3) == GREY, "a block, too");
	rig_store(0xb8000 + 6, 0x9f20, 2);
	rig_look();
	ok(rig_pixel(27, 0) == 0x0000aa, "blinking is not a bright background");
	set(0x3d4, 0x0a, 0x0d);
	set(0x3d4, 0x0f, 83);
	rig_look();
	ok(damaged(16, 16 + 13, 32, 2), "a cursor");
	ok(rig_pixel(27, 29) == GREY && rig_pixel(27, 28) == 0, "in its lines");
	set(0x3d4, 0x0f, 84);
	rig_look();
	ok(rig_pixel(36, 29) == GREY && rig_pixel(27, 29) == 0, "which moves");
	set(0x3d4, 0x0f, 83);
	rig_look();
	memcpy(&cursor, rig_vga->memory.map, sizeof(cursor));
	ok(cursor.shown && cursor.column == 3 && cursor.row == 1, "told to displays");
	set(0x3d4, 0x0d, 80);
	rig_look();
	memcpy(&cell, rig_vga->memory.map + sizeof(cursor) + 2, 2);
	ok(cell == ('A' | 0x1e00), "a start address scrolls");
}

static void
test_text_sizes(void)
{
	restart();
	set(0x3d4, 0x09, 0x47);
	rig_look();
	ok(rig_mode.columns == 80 && rig_mode.rows == 50 && rig_mode.height == 400, "80x50");
	set(0x3c4, 1, 1);
	rig_look();
	ok(rig_mode.width == 640, "8 dots");
	set(0x3d4, 0x11, 0);
	set(0x3d4, 1, 39);
	set(0x3c4, 1, 9);
	rig_look();
	ok(rig_mode.columns == 40 && rig_mode.width == 640, "40 columns, twice as wide");
	set(0x3d4, 9, 0x40);
	set(0x3d4, 1, 255);
	rig_look();
	ok(!rig_mode.width && !rig_mode.size, "more characters than there can be: nothing");
}

/* As BIOSes do it, by plane 2 at A0000, while text stays where it is. */
static void
test_font(void)
{
	unsigned maps;

	restart();
	rig_store(0xb8000 + 8, 'B' | 0x0700, 2);
	maps = rig_maps;
	set(0x3c4, 2, 4);
	set(0x3c4, 4, 7);
	set(0x3ce, 5, 0);
	set(0x3ce, 6, 4);
	rig_store(0xa0000 + 'B' * 32 + 5, 0x81, 1);
	set(0x3ce, 4, 2);
	ok(rig_load(0xa0000 + 'B' * 32 + 5, 1) == 0x81, "plane 2 is read");
	set(0x3c4, 2, 3);
	set(0x3c4, 4, 3);
	set(0x3ce, 5, 0x10);
	set(0x3ce, 6, 0xe);
	ok(rig_maps == maps, "no slot was moved");
	rig_look();
	ok(rig_pixel(36, 5) == GREY && rig_pixel(37, 5) == 0 && rig_pixel(43, 5) == GREY, "a font's new row is seen");
}

static void
test_linear(void)
{
	restart();
	map_linear(true);
	watch(true);
	rig_dispi(1, 640);
	rig_dispi(2, 480);
	rig_dispi(3, 32);
	rig_dispi(4, 0x41);
	rig_look();
	ok(rig_mode.width == 640 && rig_mode.height == 480 && !rig_mode.columns, "640x480");
	rig_look();
	ok(!rig_damages, "still");
	rig_store(LFB + 4 * (100 * 640 + 33), 0xff123456, 4);
	rig_look();
	ok(damaged(32, 100, 16, 1) && rig_pixel(33, 100) == 0x123456, "a pixel, without its fourth byte");
	rig_store(LFB + 4 * (100 * 640 + 33), 0x00123456, 4);
	rig_look();
	ok(!rig_damages, "the same again is no change");
	for (unsigned y = 10; y < 14; y++)
		rig_store(LFB + 4 * (y * 640 + 639), 0xffffff, 4);
	rig_look();
	ok(damaged(624, 10, 16, 4), "four lines are one rectangle");
	rig_vga->vram[4 * 640] = 0xff; /* not as the guest does it */
	rig_look();
	ok(!rig_damages, "what no log tells of is not looked at");
	rig_no_log = true;
	rig_look();
	ok(damaged(0, 1, 16, 1), "without a log everything is compared");
	rig_no_log = false;
	rig_dispi(9, 1);
	rig_look();
	ok(rig_pixel(33, 99) == 0x123456, "panned");
	rig_dispi(5, 3);
	rig_store(0xa0000 + 8, 0x77, 1);
	ok(rig_vga->vram[(3 << 16) + 8] == 0x77, "a bank");
	rig_look();
	rig_store(0xa0000 + 12, 0x99, 1);
	rig_look();
	ok(rig_damages == 1, "which has its log, too");
	map_linear(false);
	ok(!rig_slots[MEM_SLOT_VGA].size, "no BAR, no slot");
	watch(false);
	ok(!(rig_slots[MEM_SLOT_VGA_WINDOW].flags & KVM_MEM_LOG_DIRTY_PAGES), "nobody looks: no log");
}

static uint32_t
first_pixel(unsigned bits, uint32_t value)
{
	restart();
	map_linear(true);
	rig_dispi(1, 64);
	rig_dispi(2, 64);
	rig_dispi(3, (uint16_t)bits);
	rig_dispi(4, 0x41);
	rig_store(LFB, value, 4);
	rig_look();
	return rig_pixel(0, 0);
}

static void
test_depths(void)
{
	ok(first_pixel(8, 4) == 0xaa0000, "8 bits, by the palette");
	ok(first_pixel(15, 0x7c00) == 0xff0000 && first_pixel(15, 0x0421) == 0x080808, "15 bits");
	ok(first_pixel(16, 0x07e0) == 0x00ff00 && first_pixel(16, 0xf81f) == 0xff00ff, "16 bits");
	ok(first_pixel(24, 0xff654321) == 0x654321, "24 bits");
	restart();
	rig_dispi(1, 8192);
	rig_dispi(2, 8192);
	rig_dispi(3, 8);
	rig_dispi(4, 0x41);
	rig_look();
	ok(!rig_mode.width, "a picture larger than can be shown");
}

static void
test_planes(void)
{
	restart();
	set(0x3d4, 0x11, 0);
	set(0x3d4, 0x07, 0x3e);
	set(0x3d4, 0x12, 0xdf);
	set(0x3d4, 0x09, 0x40);
	set(0x3c4, 1, 1);
	set(0x3c4, 2, 15);
	set(0x3c4, 4, 6);
	set(0x3ce, 5, 0);
	set(0x3ce, 6, 5);
	rig_store(0xa0000, 0, 1);
	rig_look();
	ok(rig_mode.width == 640 && rig_mode.height == 480, "mode 12h");
	set(0x3ce, 0, 0x0c);
	set(0x3ce, 1, 0x0f);
	set(0x3ce, 8, 0x10);
	rig_load(0xa0000 + 80, 1);
	rig_store(0xa0000 + 80, 0xff, 1);
	rig_look();
	ok(rig_pixel(3, 1) == 0xff5555 && rig_pixel(2, 1) == 0, "write mode 0, set and bit mask");
	set(0x3ce, 5, 2);
	set(0x3ce, 8, 0x01);
	rig_load(0xa0000 + 80, 1);
	rig_store(0xa0000 + 80, 0x02, 1);
	rig_look();
	ok(rig_pixel(7, 1) == 0x00aa00 && rig_pixel(3, 1) == 0xff5555, "write mode 2");
	set(0x3ce, 5, 1);
	rig_load(0xa0000 + 80, 1);
	rig_store(0xa0000 + 160, 0, 1);
	rig_look();
	ok(rig_pixel(3, 2) == 0xff5555 && rig_pixel(7, 2) == 0x00aa00, "write mode 1 copies");
	set(0x3ce, 5, 3);
	set(0x3ce, 0, 0x0e);
	set(0x3ce, 8, 0xf0);
	rig_load(0xa0000 + 240, 1);
	rig_store(0xa0000 + 240, 0x18, 1);
	rig_look();
	ok(rig_pixel(3, 3) == 0xffff55 && rig_pixel(4, 3) == 0 && rig_pixel(0, 3) == 0, "write mode 3: the byte is a mask, too");
	set(0x3ce, 5, 8);
	set(0x3ce, 2, 0x0c);
	set(0x3ce, 7, 0x0f);
	ok(rig_load(0xa0000 + 160, 1) == 0x10, "read mode 1 finds a colour");
	set(0x3ce, 5, 0);
	set(0x3ce, 0, 0);
	set(0x3ce, 1, 0);
	set(0x3ce, 3, 0x18);
	set(0x3ce, 8, 0xff);
	rig_load(0xa0000 + 80, 1);
	rig_store(0xa0000 + 80, 0x10, 1);
	rig_look();
	ok(rig_pixel(3, 1) == 0x00aaaa && rig_pixel(7, 1) == 0x00aa00, "exclusive or");
}

static void
test_13h(void)
{
	restart();
	set(0x3c4, 4, 0x0e);
	set(0x3ce, 5, 0x40);
	set(0x3ce, 6, 0x05);
	set(0x3d4, 9, 0x41);
	rig_store(0xa0000 + 320 + 2, 4, 1);
	rig_look();
	ok(rig_mode.width == 640 && rig_mode.height == 400, "mode 13h, doubled");
	ok(rig_pixel(4, 2) == 0xaa0000 && rig_pixel(5, 3) == 0xaa0000 && rig_pixel(6, 2) == 0, "a pixel is four");
}

static void
test_blank_and_reset(void)
{
	restart();
	rig_store(0xb8000, 0xdb | 0x0700, 2);
	rig_look();
	set(0x3c4, 1, 0x20);
	rig_look();
	ok(rig_pixel(0, 0) == 0, "blank");
	set(0x3c4, 1, 0);
	rig_look();
	ok(rig_pixel(0, 0) == GREY, "and back");
	set(0x3d4, 0x0f, 9);
	rig_device.ops->reset(rig_vga);
	rig_look();
	ok(rig_pixel(0, 0) == 0 && rig_pixel(0, 14) == GREY && rig_load(0xb8000, 2) == 0x720, "reset: an empty screen");
}

int
main(void)
{
	test_registers();
	test_palette();
	test_dispi();
	test_bar();
	test_text();
	test_text_sizes();
	test_font();
	test_linear();
	test_depths();
	test_planes();
	test_13h();
	test_blank_and_reset();
	return tap_done();
}
