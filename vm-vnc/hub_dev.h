/* SPDX-License-Identifier: ISC */
/* What the parts of the parent share. */
#ifndef VM_VNC_HUB_DEV_H
#define VM_VNC_HUB_DEV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/backend.h"
#include "common/control.h"
#include "common/fb.h"
#include "common/loop.h"
#include "common/timer.h"
#include "vm-vnc/front.h"
#include "vm-vnc/options.h"

#define MEMBERS_MAX 64

/* What a member has not been told for want of room in its socket. */
enum { OWED_MODE = 1, OWED_CURSOR = 2, OWED_STATE = 4, OWED_DAMAGE = 8 };

/* A viewer's process, or another display that came over the control socket. */
struct member {
	struct watch watch; /* fd -1: a free place */
	struct hub *hub;
	unsigned id;
	bool speaks_rfb; /* begins with a struct viewer_hello, and counts as a viewer */
	bool in;	 /* is one of those that are shown something */
	bool view_only;
	bool waits; /* has asked */
	unsigned owed;
	uint8_t down[256 / 8]; /* keys */
	uint32_t buttons;
	int64_t since;
	char address[ADDRESS_TEXT_MAX], user[64], how[48];
};

struct hub {
	const struct options *o;
	struct loop loop;
	struct watch machine;
	struct backend_signals signals;
	struct control control;
	struct timer typing;
	struct fb_mode mode; /* what the machine said last; kind 0: nothing yet */
	int memfd;
	struct fb_cursor cursor;
	struct fb_state state;
	struct fb_clipboard clipboard; /* of a viewer, for paste */
	bool asked, asked_all;
	union fb_message held; /* to the machine, whose socket is full; kind 0: none */
	struct member members[MEMBERS_MAX];
	unsigned last_id;
	char typed[FB_CLIPBOARD_MAX]; /* to be typed, from `typing_at` on */
	size_t typed_len, typed_at;
	unsigned typed_step;
};

/* hub_members.c */
struct member *members_add(struct hub *h, int channel, const struct front_guest *g); /* g NULL: a display of the control socket's */
void members_admit(void *hub, const struct front_guest *g);			     /* a front_admitted */
void members_drop(struct member *m);
void members_tell(struct hub *h, const union fb_message *m); /* to all, from the machine */
void members_pause(struct hub *h, bool pause);		     /* hear none, while the machine hears nobody */

/* hub_machine.c: true when it was sent, or is held until the machine's socket has room; then all members pause. */
bool machine_tell(struct hub *h, const union fb_message *m);
void machine_key(struct hub *h, uint8_t code, bool down);
void machine_ask(struct hub *h); /* if some member waits */
void machine_watch(struct hub *h);

/* hub_control.c */
control_handler hub_control;

/* hub_seal.c: before the first message of the machine is read. */
void hub_seal(void);

/* typist.c: NULL, or why it cannot be typed: a character that is on no key. */
const char *typist_type(struct hub *h, const char *text, size_t len);
void typist_fired(struct timer *t);

#endif
