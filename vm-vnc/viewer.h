/* SPDX-License-Identifier: ISC */
/*
 * The process of one viewer: RFB on one side, the fb wire's messages to the parent on the other, as if it were the machine's
 * only display. It has the viewer's socket, that channel, and the picture to read; nothing else.
 */
#ifndef VM_VNC_VIEWER_H
#define VM_VNC_VIEWER_H

#include <stdint.h>

#define VIEWER_HELLO 100u /* not an fb message: comes first, and is answered by the mode, or by hanging up */

struct viewer_hello {
	uint32_t kind, shared; /* whether the viewer would let others be there, too */
};

struct viewer_settings {
	const char *name; /* of the desktop */
	unsigned rate;	  /* frames a second at most */
};

/* Serves until the viewer or the parent has gone. rfb is a stream socket whose next byte is that of ClientInit. */
_Noreturn void viewer_run(int rfb, int channel, const struct viewer_settings *settings);

#endif
