/* SPDX-License-Identifier: ISC */
/*
 * A hostile viewer and a hostile machine at once, against all that is between them in a viewer's process. The input is
 * records: a byte that says of whom, two of length, and that many bytes; a viewer's may be any part of a message.
 */
/* links: vm-vnc/viewer_says.c vm-vnc/viewer_machine.c vm-vnc/viewer_frame.c vm-vnc/encoder.c vm-vnc/output.c vm-vnc/picture.c vm-vnc/scroll.c vm-vnc/request.c vm-vnc/cursor.c vm-vnc/clipboard.c vm-vnc/keyboard.c vm-vnc/keysym.c */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/bytes.h"
#include "vm-vnc/viewer_dev.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What goes to the machine must be what one takes. */
void
viewer_tell(struct viewer *v, const union fb_message *m)
{
	(void)v;
	if (fb_fault(m, fb_length(m), false))
		abort();
}

static void
press(void *arg, uint8_t code, bool down)
{
	union fb_message *m = calloc(1, sizeof(*m));

	m->key = (struct fb_key){FB_KEY, code, down};
	viewer_tell(arg, m);
	free(m);
}

static void
drain(struct viewer *v)
{
	for (int i = 0; i < 4; i++) {
		viewer_frame(v);
		v->out.sent = 0;
		if (output_waiting(&v->out) > OUTPUT_MAX)
			abort();
		lseek(v->out.fd, 0, SEEK_SET);
		v->earliest = 0;
	}
}

static bool
hear_viewer(struct viewer *v, const uint8_t *bytes, size_t len)
{
	struct request r;
	const char *why = NULL;
	ptrdiff_t n;
	size_t used = 0;

	if (v->in_len + len > REQUEST_MAX)
		return false;
	memcpy(v->in + v->in_len, bytes, len);
	v->in_len += len;
	while (!why && (n = request_parse(&v->requests, v->in + used, v->in_len - used, &r, &why)) > 0) {
		if ((size_t)n > v->in_len - used)
			abort();
		used += (size_t)n;
		why = viewer_hear(v, &r);
		drain(v);
	}
	memmove(v->in, v->in + used, v->in_len - used);
	v->in_len -= used;
	return !why;
}

static int
memory_of(const struct fb_mode *m, const uint8_t *bytes, size_t len)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, m->size) < 0 || pwrite(fd, bytes, len < m->size ? len : m->size, 0) < 0)
		abort();
	return fd;
}

static bool
hear_machine(struct viewer *v, const uint8_t *bytes, size_t len)
{
	static union fb_message m;
	int fd = -1;

	memset(&m, 0, sizeof(m));
	memcpy(&m, bytes, len < sizeof(m) ? len : sizeof(m));
	if (len < 4 || fb_fault(&m, len, true))
		return true;
	if (m.kind == FB_MODE && (m.mode.width > 300 || m.mode.height > 300 || m.mode.size > 1 << 20))
		return true; /* large ones are slow, and no other */
	if (m.kind == FB_MODE && m.mode.size)
		fd = memory_of(&m.mode, bytes, len);
	return !viewer_take(v, &m, len, fd);
}

static struct viewer *
new_viewer(void)
{
	static const struct viewer_settings settings = {.name = "fuzz", .rate = 1000};
	static const struct fb_mode mode = {FB_MODE, 40, 30, 160, 0, 4800, 0, 0, 0};
	static struct viewer v;
	struct viewer kept = v;
	static const struct pixel_format format = {32, 24, 0, 1, {255, 255, 255}, {16, 8, 0}};

	v = (struct viewer){.settings = &settings, .out = kept.out, .encoder = kept.encoder, .picture = kept.picture, .in = kept.in,
		.frame = {.rects = kept.frame.rects, .cap = kept.frame.cap}, .ways.quality = -1, .keyboard = {.press = press, .arg = &v}};
	if (!v.in) {
		v.in = malloc(REQUEST_MAX);
		if (!v.in || output_open(&v.out))
			abort();
		v.encoder = encoder_new(&v.out);
	}
	v.next_mode = mode;
	v.next_fd = memory_of(&mode, (const uint8_t *)"x", 1);
	if (encoder_format(v.encoder, &format) || viewer_change_mode(&v))
		abort();
	v.stale = false;
	v.greeted = true;
	return &v;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct viewer *v = new_viewer();
	bool on = true;

	while (on && size >= 3) {
		size_t len = get_le16(data + 1);

		if (len > size - 3)
			len = size - 3;
		on = data[0] & 1 ? hear_machine(v, data + 3, len) : hear_viewer(v, data + 3, len);
		drain(v);
		data += 3 + len;
		size -= 3 + len;
	}
	if (v->mode_waits && v->next_fd >= 0)
		close(v->next_fd);
	return 0;
}
