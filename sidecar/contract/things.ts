/** The Things of devices, as operations make and remove them. */
export interface ThingDesk {
  /**
   * Makes the Thing of a device; one of this name that exists already is left as it is, but for a hub where it has none.
   * @returns whether it was made
   * @throws ConnectorError THINGWORX_REJECTED with what ThingWorx said or to whom the Thing belongs, and what calls to ThingWorx give
   */
  create(thing: string, deviceId: string, template: string): Promise<boolean>;
  /**
   * Removes the Thing of a device of this hub.
   * @returns its name, undefined when there was none
   * @throws ConnectorError THINGWORX_REJECTED with what ThingWorx said, and what calls to ThingWorx give
   */
  deleteOf(deviceId: string): Promise<string | undefined>;
}
