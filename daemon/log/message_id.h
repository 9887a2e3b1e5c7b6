/* Message ids of the events that operators act on, for `journalctl MESSAGE_ID=`. Stable for ever.
 */
#pragma once

#define MESSAGE_ID_STARTED "0f1c9a51b1f64d7c8a3e5b0e86b5c101"
#define MESSAGE_ID_STOPPED "0f1c9a51b1f64d7c8a3e5b0e86b5c102"
#define MESSAGE_ID_RELOADED "0f1c9a51b1f64d7c8a3e5b0e86b5c103"
#define MESSAGE_ID_RELOAD_REFUSED "0f1c9a51b1f64d7c8a3e5b0e86b5c104"
#define MESSAGE_ID_STORAGE_FAILED "0f1c9a51b1f64d7c8a3e5b0e86b5c105"
#define MESSAGE_ID_STORAGE_BACK "0f1c9a51b1f64d7c8a3e5b0e86b5c106"
#define MESSAGE_ID_STORAGE_DAMAGED "0f1c9a51b1f64d7c8a3e5b0e86b5c107"
#define MESSAGE_ID_REPOSITORY_FAILED "0f1c9a51b1f64d7c8a3e5b0e86b5c108"
#define MESSAGE_ID_PLATFORM_FAILED "0f1c9a51b1f64d7c8a3e5b0e86b5c109"
#define MESSAGE_ID_EVENT "0f1c9a51b1f64d7c8a3e5b0e86b5c10a"   /* published; see CELLD_EVENT= */
#define MESSAGE_ID_COMMAND "0f1c9a51b1f64d7c8a3e5b0e86b5c10b" /* an operator acted */
