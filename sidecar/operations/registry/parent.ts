import type { DeviceInput } from '../../azure/iot-hub/hub-types.ts';
import type { Registry } from '../../azure/iot-hub/registry.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { withinCall } from '../device-members.ts';

/**
 * What makes a device the child of an IoT Edge device: it names the scope as that of its parent, and a leaf takes it over as its own. Both are
 * written, since a leaf that is moved still names the parent before.
 */
export async function parentScope(
  registry: Registry,
  parentDeviceId: string,
  iotEdge: boolean,
  signal: AbortSignal,
): Promise<Pick<DeviceInput, 'deviceScope' | 'parentScopes'>> {
  const parent = await registry.device(parentDeviceId, withinCall(signal));
  if (!parent.capabilities?.iotEdge || !parent.deviceScope) {
    throw new ConnectorError(
      'REQUEST_INVALID',
      `${parentDeviceId} is no IoT Edge device, so it can be no parent.`,
    );
  }
  const parentScopes = [parent.deviceScope];
  return iotEdge ? { parentScopes } : { parentScopes, deviceScope: parent.deviceScope };
}
