/* SPDX-License-Identifier: ISC */
/* libvncserver as an encoder; the contracts are in encoder.h. */
#include <errno.h>
#include <rfb/rfb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/diag.h"
#include "vm-vnc/encoder.h"

struct encoder {
	rfbScreenInfoPtr screen;
	rfbClientPtr client;
};

static void
say_nothing(const char *format, ...)
{
	(void)format;
}

/*
 * Its client is made of one end of a socketpair: it looks there for a WebSocket, and must not wait for that, and greets.
 * Then the output takes that descriptor's place.
 */
static rfbClientPtr
make_client(rfbScreenInfoPtr screen, const struct output *o)
{
	rfbClientPtr client;
	int sv[2];
	char greeting[64];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		die_sys("socketpair");
	if (write(sv[1], "RFB ", 4) != 4)
		die_sys("socketpair");
	client = rfbNewClient(screen, sv[0]);
	if (!client || read(sv[1], greeting, sizeof(greeting)) < 0 || dup2(o->fd, sv[0]) < 0)
		die("libvncserver takes no client");
	close(sv[1]);
	client->state = RFB_NORMAL;
	return client;
}

struct encoder *
encoder_new(struct output *o)
{
	struct encoder *e = calloc(1, sizeof(*e));

	rfbLog = rfbErr = say_nothing;
	if (e)
		e->screen = rfbGetScreen(NULL, NULL, 16, 16, 8, 3, 4);
	if (!e || !e->screen)
		die("out of memory");
	/* 0x00RRGGBB in our order of bytes: what the machine has is what a viewer gets that asks for nothing else. */
	e->screen->serverFormat = (rfbPixelFormat){.bitsPerPixel = 32, .depth = 24, .bigEndian = !rfbEndianTest, .trueColour = TRUE,
		.redMax = 255, .greenMax = 255, .blueMax = 255, .redShift = 16, .greenShift = 8, .blueShift = 0};
	e->client = make_client(e->screen, o);
	return e;
}

void
encoder_picture(struct encoder *e, uint32_t *pixels, unsigned width, unsigned height)
{
	e->screen->frameBuffer = (char *)pixels;
	e->screen->width = (int)width;
	e->screen->height = (int)height;
	e->screen->paddedWidthInBytes = (int)width * 4;
	e->screen->sizeInBytes = (int)(width * height * 4);
}

/* A maximum is all ones of some bits, which lie within the pixel and not on those of another colour. */
static bool
colours_fit(const struct pixel_format *f)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < 3; i++) {
		uint64_t bits = (uint64_t)f->max[i] << (f->shift[i] & 63);

		if (!f->max[i] || f->max[i] & (f->max[i] + 1) || f->shift[i] > 31 || bits >> f->bits || bits & seen)
			return false;
		seen |= bits;
	}
	return true;
}

const char *
encoder_format(struct encoder *e, const struct pixel_format *f)
{
	rfbPixelFormat *to = &e->client->format;

	if (f->bits != 8 && f->bits != 16 && f->bits != 32)
		return "pixels of neither 8, 16 nor 32 bits";
	if (f->true_colour ? !colours_fit(f) : f->bits != 8)
		return "colours that do not fit into a pixel";
	*to = (rfbPixelFormat){.bitsPerPixel = f->bits, .depth = f->depth, .bigEndian = f->big_endian, .trueColour = f->true_colour != 0,
		.redMax = f->max[0], .greenMax = f->max[1], .blueMax = f->max[2], .redShift = f->shift[0], .greenShift = f->shift[1],
		.blueShift = f->shift[2]};
	return rfbSetTranslateFunction(e->client) ? NULL : "no memory for the colours";
}

/* How libvncserver names JPEG's quality since TurboVNC: percent, and how much less colour (2: half both ways, 0: none). */
static void
set_quality(rfbClientPtr client, int quality)
{
	static const int percent[] = {15, 29, 41, 42, 62, 77, 79, 86, 92, 100};

	client->tightQualityLevel = quality;
	client->turboQualityLevel = quality < 0 ? -1 : percent[quality];
	client->turboSubsampLevel = quality < 3 ? 1 : quality < 6 ? 2 : 0;
}

void
encoder_ways(struct encoder *e, const struct encoder_ways *w)
{
	e->client->preferredEncoding = w->encoding;
	e->client->zlibCompressLevel = (uint32_t)w->compression;
	e->client->tightCompressLevel = w->compression ? w->compression : 1; /* 0 would be without zlib, which only TurboVNC knows */
	e->client->enableLastRectEncoding = w->last_rect;
	set_quality(e->client, w->encoding == ENCODING_TIGHT ? w->quality : -1);
}

unsigned
encoder_count(struct encoder *e, const struct fb_rect *r)
{
	unsigned lines;

	switch (e->client->preferredEncoding) {
	case ENCODING_TIGHT:
		return (unsigned)rfbNumCodedRectsTight(e->client, r->x, r->y, r->width, r->height);
	case ENCODING_ZLIB:
		lines = (unsigned)ZLIB_MAX_SIZE(r->width) / r->width;
		return (r->height + lines - 1) / lines;
	}
	return 1;
}

static bool
write_rect(rfbClientPtr client, int x, int y, int w, int h)
{
	switch (client->preferredEncoding) {
	case ENCODING_HEXTILE:
		return rfbSendRectEncodingHextile(client, x, y, w, h);
	case ENCODING_ZLIB:
		return rfbSendRectEncodingZlib(client, x, y, w, h);
	case ENCODING_TIGHT:
		return rfbSendRectEncodingTight(client, x, y, w, h);
	case ENCODING_ZRLE:
		return rfbSendRectEncodingZRLE(client, x, y, w, h);
	}
	return rfbSendRectEncodingRaw(client, x, y, w, h);
}

bool
encoder_write(struct encoder *e, const struct fb_rect *r)
{
	/* It gathers small pieces, but what is not its own goes to the output directly. */
	return write_rect(e->client, r->x, r->y, r->width, r->height) && rfbSendUpdateBuf(e->client);
}

unsigned
encoder_pixel(const struct encoder *e, uint32_t rgb, uint8_t out[4])
{
	rfbClientPtr c = e->client;

	c->translateFn(c->translateLookupTable, &c->screen->serverFormat, &c->format, (char *)&rgb, (char *)out, 4, 1, 1);
	return c->format.bitsPerPixel / 8u;
}
