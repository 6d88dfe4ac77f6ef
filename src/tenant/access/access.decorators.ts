import { SetMetadata } from '@nestjs/common';

/** Who may call a route. Without a decorator it is `tenant`, so a new controller is isolated unless it says otherwise. */
export type Access = 'tenant' | 'public' | 'control-plane';

export const ACCESS = Symbol('ACCESS');

/** Anyone may call it; no tenant context is guaranteed. */
export const Public = (): ClassDecorator & MethodDecorator => SetMetadata(ACCESS, 'public' satisfies Access);

/** Only the admin key may call it; it never runs in a tenant context. */
export const ControlPlane = (): ClassDecorator & MethodDecorator =>
  SetMetadata(ACCESS, 'control-plane' satisfies Access);
