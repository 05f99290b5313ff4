import { purgeMessages, sendMessage, sendProperties } from './messages.ts';
import { invokeMethod } from './methods.ts';

/** What a device is asked to do. */
export const COMMANDS = [invokeMethod, sendMessage, sendProperties, purgeMessages];
