/* SPDX-License-Identifier: ISC */
/*
 * SASL by Cyrus's library; the contracts are in clerk.h. Its plugins open what they like (databases, sockets, key tables), which
 * is why it works here and not behind the gate. Security layers of its own are never agreed on: TLS has done that, or the
 * viewer is on this host.
 */
#include <sasl/sasl.h>
#include <stdio.h>
#include <string.h>

#include "common/diag.h"
#include "vm-vnc/clerk.h"

#define SERVICE "vnc"	/* as it is registered with IANA for GSSAPI, and as QEMU has it */
#define CONFIG "vm-vnc" /* sasl2/vm-vnc.conf */

static const char *mechanisms_asked;

static int
get_option(void *context, const char *plugin, const char *option, const char **result, unsigned *len)
{
	(void)context;
	if (plugin || !mechanisms_asked || strcmp(option, "mech_list"))
		return SASL_FAIL;
	*result = mechanisms_asked;
	if (len)
		*len = (unsigned)strlen(mechanisms_asked);
	return SASL_OK;
}

static int
say(void *context, int level, const char *message)
{
	(void)context;
	if (level > SASL_LOG_NONE && level <= SASL_LOG_FAIL)
		note(1, "SASL: %s", message);
	return SASL_OK;
}

void
clerk_sasl_prepare(const char *mechanisms)
{
	static const sasl_callback_t callbacks[] = {
	    {SASL_CB_GETOPT, (int (*)(void))(void *)get_option, NULL},
	    {SASL_CB_LOG, (int (*)(void))(void *)say, NULL},
	    {SASL_CB_LIST_END, NULL, NULL},
	};
	int err;

	mechanisms_asked = mechanisms;
	err = sasl_server_init(callbacks, CONFIG);
	if (err != SASL_OK)
		die("-O sasl: %s", sasl_errstring(err, NULL, NULL));
}

/* Made with the first question. */
static sasl_conn_t *
connection(struct clerk *c)
{
	const sasl_security_properties_t layers = {.security_flags = SASL_SEC_NOANONYMOUS};
	const sasl_ssf_t outside = 256;
	sasl_conn_t *conn = c->sasl;

	if (conn)
		return conn;
	if (sasl_server_new(SERVICE, NULL, NULL, NULL, NULL, NULL, SASL_SUCCESS_DATA, &conn) != SASL_OK)
		return NULL;
	if (sasl_setprop(conn, SASL_SSF_EXTERNAL, &outside) != SASL_OK || sasl_setprop(conn, SASL_SEC_PROPS, &layers) != SASL_OK) {
		sasl_dispose(&conn);
		return NULL;
	}
	c->sasl = conn;
	return conn;
}

enum ask_verdict
clerk_sasl_mechanisms(struct clerk *c, const char **out, size_t *n)
{
	sasl_conn_t *conn = connection(c);
	unsigned len = 0;

	if (!conn || sasl_listmech(conn, NULL, "", ",", "", out, &len, NULL) != SASL_OK)
		return ASK_NO;
	*n = len;
	return ASK_YES;
}

/* What the library has said, and the name that it found proved. */
static enum ask_verdict
verdict(struct clerk *c, sasl_conn_t *conn, int err)
{
	const void *name = NULL;

	if (err == SASL_CONTINUE)
		return ASK_MORE;
	if (err != SASL_OK || sasl_getprop(conn, SASL_USERNAME, &name) != SASL_OK || !name || strlen(name) >= sizeof(c->report.guest.user))
		return ASK_NO;
	memcpy(c->report.guest.user, name, strlen(name) + 1);
	return ASK_YES;
}

/* The client's bytes, behind which its NUL is counted; nothing at all differs from none. */
static unsigned
take(const char **data, size_t len)
{
	if (!len)
		*data = NULL;
	return len ? (unsigned)len - 1 : 0;
}

enum ask_verdict
clerk_sasl_start(struct clerk *c, const char *mechanism, const char *data, size_t len, const char **out, size_t *n)
{
	sasl_conn_t *conn = connection(c);
	unsigned given = take(&data, len), got = 0;
	int err = conn ? sasl_server_start(conn, mechanism, data, given, out, &got) : SASL_NOMEM;

	*n = got;
	return verdict(c, conn, err);
}

enum ask_verdict
clerk_sasl_step(struct clerk *c, const char *data, size_t len, const char **out, size_t *n)
{
	sasl_conn_t *conn = c->sasl;
	unsigned given = take(&data, len), got = 0;
	int err = conn ? sasl_server_step(conn, data, given, out, &got) : SASL_NOTINIT;

	*n = got;
	return verdict(c, conn, err);
}

bool
clerk_sasl_plain(struct clerk *c, const char *name, const char *password)
{
	sasl_conn_t *conn = connection(c);

	return conn && sasl_checkpass(conn, name, (unsigned)strlen(name), password, (unsigned)strlen(password)) == SASL_OK;
}
