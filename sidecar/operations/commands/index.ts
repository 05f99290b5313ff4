import { invokeMethod } from './invoke-method.ts';
import { purgeMessages } from './purge-messages.ts';
import { sendMessage } from './send-message.ts';
import { sendProperties } from './send-properties.ts';

/** What a device is asked to do. */
export const COMMANDS = [invokeMethod, sendMessage, sendProperties, purgeMessages];
