/* SPDX-License-Identifier: ISC */
/* links: vm-dhcpd/tftp_packet.c */
/* A TFTP client of any bytes: a request, then numbers of ACKs; the window keeps its bounds whatever they are. */
#include <stdlib.h>
#include <string.h>

#include "vm-dhcpd/tftp_packet.h"

static void
must(int held)
{
	if (!held)
		abort();
}

static void
acknowledge(struct tftp_window *w, const uint8_t *data, size_t size)
{
	tftp_send_next(w);
	for (; size >= 2; data += 2, size -= 2) {
		uint64_t before = w->acked;
		/* Half of them are what a client would say, or nearly. */
		uint16_t block = (uint16_t)(data[0] & 1 ? w->sent - (data[1] & 3) : (unsigned)(data[0] << 8 | data[1]));
		enum tftp_next next = tftp_acked(w, block);

		must(w->acked >= before && w->acked <= w->sent && w->sent <= w->total && w->sent - w->acked <= w->size);
		must((next == TFTP_DONE) == (w->acked == w->total));
		if (next == TFTP_DONE)
			return;
		if (next == TFTP_SEND)
			must(tftp_send_next(w) >= 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t reply[TFTP_REPLY_MAX], *packet;
	struct tftp_window w = {.size = 1};
	enum tftp_code code;
	struct tftp_request r;
	const char *why;
	size_t first;

	if (size < 4)
		return 0;
	first = (size_t)data[0] * 8 < size - 2 ? (size_t)data[0] * 8 : size - 2;
	packet = malloc(first + 1);
	memcpy(packet, data + 1, first);
	if (tftp_parse_request(&r, packet, first, &code, &why) && !why) {
		must(strlen(r.name) < first);
		tftp_settle(&r, 1468);
		must(r.blksize <= 1468 && r.window <= TFTP_WINDOW_MAX && r.timeout <= TFTP_TIMEOUT_MAX);
		must(r.window <= 1 || r.window * ((r.blksize ? r.blksize : TFTP_BLKSIZE) + 4) <= 65000);
		must(tftp_put_oack(reply, &r, UINT64_MAX) <= TFTP_REPLY_MAX);
		w.oack = tftp_has_options(&r);
		w.size = r.window ? r.window : 1;
	}
	free(packet);
	w.total = 1 + (uint64_t)data[size - 1] * 1000;
	acknowledge(&w, data + 1 + first, size - 1 - first);
	return 0;
}
