/* password.h - `muster password`: a password becomes the line for the configuration file. */
#ifndef APP_PASSWORD_H
#define APP_PASSWORD_H

#include "app/exit_code.h"

/* Ask for a password at the terminal, twice and unseen, or take the first line of standard input,
 * and print `admin_password = HASH`. */
enum exit_code password_command(void);

#endif
